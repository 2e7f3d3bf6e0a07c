"""What is wrong: one module per family of mistakes, each giving findings."""

"""Explains a shape error from the frames of its traceback alone: nothing is traced, and nothing is run again."""

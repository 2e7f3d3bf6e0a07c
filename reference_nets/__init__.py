"""Networks and layers to read, run and compare with: every array annotated, every gradient verified.

`python -m shapecheck nets` lists them; each is one module, and `catalogue` is the table of them.
"""

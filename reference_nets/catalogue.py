"""The table of all reference networks: what each is, and what a user's own network must look like to resemble it."""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from importlib.resources import files
from types import ModuleType

NETWORK, LAYER, PART = "network", "layer", "part"


@dataclass(frozen=True)
class Entry:
    """One module.

    Attributes:
        name: Of the module, and on the command line.
        kind: `network` is trained whole, `layer` is a piece with forward and backward, `part` is used by both.
        layouts: Of its arrays: `batch-first`, `features-first`, `single-sample`.
        hidden: Activations of hidden layers that it has.
        output: Activations of the last layer that it has.
        losses: What it minimises.
        depth: Number of weight matrices; None where it takes any number.
        biases: Whether its layers have them.
        words: Names that such a layer goes by in people's programs.
        needs: What `run` must be given: "data" for a path, else empty.
    """

    name: str
    kind: str
    layouts: tuple[str, ...] = ("batch-first",)
    hidden: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    depth: int | None = None
    biases: bool = True
    words: tuple[str, ...] = ()
    needs: str = ""

    @property
    def source(self) -> str:
        """The text of the module."""
        return files("reference_nets").joinpath(f"{self.name}.py").read_text(encoding="utf-8")

    @property
    def title(self) -> str:
        """The first sentence of the module's docstring; nothing is imported for it."""
        lines = (ast.get_docstring(ast.parse(self.source)) or "").split("\n\n")[0]
        return " ".join(lines.split())

    def load(self) -> ModuleType:
        """Import the module."""
        return importlib.import_module(f"reference_nets.{self.name}")


_ALL = ("relu", "tanh", "sigmoid", "leaky_relu", "linear")
_ENTROPY = ("binary cross-entropy", "cross-entropy")
_COLUMNS, _ROWS, _VECTORS = ("features-first",), ("batch-first",), ("single-sample",)

ENTRIES: tuple[Entry, ...] = (
    Entry("mlp_single_sample", NETWORK, _VECTORS, ("sigmoid",), ("sigmoid",), ("squared error",)),
    Entry("mlp_features_first", NETWORK, _COLUMNS, ("sigmoid",), ("sigmoid",), _ENTROPY[:1], depth=3),
    Entry("digits_column_activations", NETWORK, _COLUMNS, ("sigmoid",), ("sigmoid",), ("squared error",), depth=2),
    Entry("digits_batch_form", NETWORK, _COLUMNS, ("sigmoid",), ("sigmoid",), _ENTROPY[:1], depth=2),
    Entry("deep_network", NETWORK, _COLUMNS, ("sigmoid",), ("sigmoid",), _ENTROPY[:1], needs="optional data"),
    Entry("delta_rule", NETWORK, _VECTORS, ("sigmoid",), ("sigmoid",), ("squared error",), depth=2, biases=False),
    Entry(
        "admissions",
        NETWORK,
        _ROWS,
        ("sigmoid",),
        ("sigmoid",),
        ("squared error",),
        depth=2,
        biases=False,
        needs="data",
    ),
    Entry("logistic_regression", NETWORK, _ROWS, (), ("sigmoid",), _ENTROPY[:1], depth=1),
    Entry("softmax_regression", NETWORK, _ROWS, (), ("softmax",), _ENTROPY[1:], depth=1),
    Entry("mlp", NETWORK, _ROWS + _COLUMNS, _ALL, (*_ALL, "softmax"), ("squared error", *_ENTROPY)),
    Entry("tied_autoencoder", NETWORK, words=("autoencoder", "encoder", "decoder", "reconstruction")),
    Entry("word2vec", NETWORK, words=("word2vec", "skip-gram", "skipgram", "cbow", "negative sampling")),
    Entry("dense", LAYER, _ROWS + _COLUMNS, words=("dense", "linear", "fully connected")),
    Entry("batch_norm", LAYER, words=("batch norm", "batchnorm")),
    Entry("layer_norm", LAYER, words=("layer norm", "layernorm")),
    Entry("convolution", LAYER, words=("convolution", "conv", "conv2d")),
    Entry("pooling", LAYER, words=("pooling", "pool", "maxpool", "max pool", "average pool")),
    Entry("embedding", LAYER, words=("embedding", "lookup")),
    Entry("recurrent", LAYER, words=("recurrent", "rnn")),
    Entry("lstm", LAYER, words=("lstm",)),
    Entry("gru", LAYER, words=("gru",)),
    Entry("attention", LAYER, words=("attention", "scaled dot product")),
    Entry("multi_head_attention", LAYER, words=("multi head attention", "self attention", "transformer")),
    Entry("residual", LAYER, words=("residual", "skip connection", "resnet")),
    Entry("activations", PART),
    Entry("losses", PART),
    Entry("regularisation", PART, words=("dropout", "weight decay")),
    Entry("optimizers", PART, words=("momentum", "adam")),
)

BY_NAME = {entry.name: entry for entry in ENTRIES}


def find(name: str) -> Entry:
    """The entry of that name; `-` and `_` are the same, and case does not count.

    Raises:
        KeyError: There is none; the message names those that come close.
    """
    wanted = name.lower().replace("-", "_").removesuffix(".py")
    if wanted in BY_NAME:
        return BY_NAME[wanted]
    from difflib import get_close_matches  # noqa: PLC0415 - only for the error

    by_word = [e.name for e in ENTRIES if any(wanted.replace("_", " ") in word for word in e.words)]
    close = by_word or get_close_matches(wanted, BY_NAME) or [n for n in BY_NAME if wanted in n]
    hint = f"close to it: {', '.join(close)}" if close else f"there are: {', '.join(BY_NAME)}"
    raise KeyError(f"there is no reference network `{name}`; {hint}")

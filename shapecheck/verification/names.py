"""What people call gradients, parameters and rates; names are hints here, numbers decide elsewhere."""

from __future__ import annotations

import re
from functools import lru_cache

# One word for what people spell in several ways.
_SYNONYMS = {
    **dict.fromkeys(("w", "ws", "weight", "weights", "wt", "wts", "kernel", "kernels"), "w"),
    **dict.fromkeys(("b", "bs", "bias", "biases"), "b"),
    **dict.fromkeys(("theta", "thetas"), "theta"),
    **dict.fromkeys(("x", "xs", "input", "inputs", "inp"), "x"),
    **dict.fromkeys(("l", "layer", "layers"), "layer"),
    **dict.fromkeys(("filter", "filters"), "filter"),
    **dict.fromkeys(("h", "hid", "hidden"), "hidden"),
    **dict.fromkeys(("o", "out", "output"), "output"),
}

_PARAMETER_WORDS = frozenset(
    [
        "w",
        "b",
        "theta",
        "gamma",
        "beta",
        "filter",
        "u",
        "v",
        "emb",
        "embedding",
        "embeddings",
        "syn",
        "coef",
        "coefs",
        "param",
        "params",
        "parameters",
        "scale",
        "shift",
    ]
)
_PARAMETER_CONTAINERS = frozenset(
    [
        "param",
        "params",
        "parameter",
        "parameters",
        "model",
        "weights",
        "biases",
        "theta",
        "thetas",
        "network",
        "net",
        "layers",
        "coefs",
        "coef",
    ]
)
_DATA_WORDS = frozenset(
    [
        "x",
        "y",
        "t",
        "target",
        "targets",
        "label",
        "labels",
        "data",
        "batch",
        "sample",
        "samples",
        "image",
        "images",
        "cache",
        "caches",
        "memory",
        "store",
        "activations",
        "expected",
    ]
)
_RATE_WORDS = frozenset(
    ["lr", "learningrate", "learnrate", "learningratio", "alpha", "eta", "rate", "stepsize", "lrate"]
)
_LOSS_WORDS = frozenset(["loss", "cost", "j", "error", "err", "l", "e", "objective", "c", "value", "obj", "total"])
_COTANGENT_WORDS = frozenset(("error", "err", "upstream", "cotangent", "delta"))

_MARK = (
    r"(?:gradients?|grads?|nablas?|deltas?|del|derivatives?|derivs?|deriv|der|partials?|diffs?|changes?|adjustments?"
    r"|updates?|upd|steps?|dd|gr|g|d)"
)
_ACCUMULATED = r"(?:acc|accumulated|accum|sum|total|avg|mean|batch)"
_OF_LOSS = r"(?:[A-Za-z]|loss|cost|error|err|obj|objective)"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^d_?{_OF_LOSS}_?(?:_?d|_?wrt|_?by|_?over)_?(?P<stem>.+)$",  # dJdW2, d_L_d_w, dLoss_dW, dE_wrt_w
        rf"^{_MARK}_?(?:of_|in_|for_|wrt_|to_|d_)?(?P<stem>.+)$",  # dW1, grad_W1, nabla_w, delta_w, g_w
        rf"^(?P<stem>.+?)_?{_MARK}$",  # W1_grad, weights_delta
        rf"^(?P<before>.+_){_MARK}_?(?P<stem>[^_].*)$",  # layer1_dW, l2_grad_w
        rf"^{_ACCUMULATED}_(?P<stem>.+)$",  # sum_dW1
        rf"^(?P<stem>.+?)_{_ACCUMULATED}$",  # dW1_acc
    )
)
_CONTAINER_MARK = re.compile(
    rf"^(?:{_MARK}|derivatives?|nabla|adjustments?|d?params?_?grads?|grads?_\w+|backward|result)$", re.IGNORECASE
)
_GRADIENT_NAMES = (
    re.compile(
        r"^(?:[Gg]rad(?![a-z]|$)|[Gg]rad(?:s|ient|ients)?(?=_|$|[A-Z\d])|nabla|delta|del_|der(?=[A-Z_])|deriv|d_|dL_?d|dJ_?d)"
    ),
    re.compile(r"(?:_|^)(?:grad|gradient|delta|nabla|deriv|derivative)s?(?:_|$)", re.IGNORECASE),
    re.compile(r"(?:^|_)d[A-Z]"),
    re.compile(
        r"^[dD](?:[wbxyzahqkvog]|theta|gamma|beta|bias|biases|weights?|out|logits|scores|inputs?|values?)s?\d*(?:_|$)"
    ),
    re.compile(r"^(?:upstream|cotangent|g_[A-Za-z]|g[A-Z]|g[wb]\d*$|adj_)"),
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Split an identifier into lower-case words and numbers, synonyms made one: `W1` and `weights_1` are ("w", "1")."""
    found = (piece.lower() for piece in _WORD.findall(name))
    return tuple(_SYNONYMS.get(word, word) for word in found)


@lru_cache(maxsize=4096)
def stems(name: str) -> tuple[str, ...]:
    """What a gradient called `name` may be the gradient of, likeliest first: `dW1` -> ("W1",); () if unmarked."""
    found: dict[str, None] = {}
    for pattern in _PATTERNS:
        match = pattern.match(name)
        if match is None:
            continue
        stem = (match.groupdict().get("before") or "") + match["stem"]
        stem = stem.strip("_")
        if stem and stem != name:
            found[stem] = None
    for stem in tuple(found):  # sum_dW1 -> dW1 -> W1
        for pattern in _PATTERNS[1:3]:
            match = pattern.match(stem)
            if match is not None and match["stem"].strip("_"):
                found[match["stem"].strip("_")] = None
    return tuple(found)


def marks_gradients(name: str) -> bool:
    """Whether a container of this name holds gradients under the parameters' own names (`grads["W1"]`)."""
    return _CONTAINER_MARK.match(name.strip("_")) is not None


def looks_like_gradient(name: str) -> bool:
    """Whether the name itself says "gradient": `dW1`, `grad_b`, `nabla_w`, `acc_dW1`; `depth` and `data` do not."""
    bare = name.strip("_")
    accumulated = re.match(rf"^{_ACCUMULATED}_(.+)$", bare) or re.match(rf"^(.+)_{_ACCUMULATED}$", bare)
    if accumulated is not None:
        return looks_like_gradient(accumulated[1])
    return any(pattern.search(bare) for pattern in _GRADIENT_NAMES)


def looks_like_cotangent(name: str) -> bool:
    """Whether an argument's name says that it is a derivative by an output: `dout`, `grad_output`, `error`."""
    return looks_like_gradient(name) or bool(set(words(name)) & _COTANGENT_WORDS)


def looks_like_parameter(name: str) -> bool:
    """Whether people call parameters so: `W1`, `bias`, `theta`, `weights_input_hidden`."""
    return any(word in _PARAMETER_WORDS for word in words(name))


def looks_like_parameters(container: str) -> bool:
    """Whether people call a collection of parameters so: `params`, `weights`, `layers`."""
    return container.strip("_").lower() in _PARAMETER_CONTAINERS


def looks_like_data(name: str) -> bool:
    """Whether people call inputs, targets and caches so."""
    return any(word in _DATA_WORDS for word in words(name)) and not looks_like_parameter(name)


def looks_like_target(name: str) -> bool:
    """Whether people call a target so: `y`, `t`, `labels`."""
    return bool(set(words(name)) & {"y", "t", "target", "targets", "label", "labels", "expected", "truth"})


def looks_like_rate(name: str) -> bool:
    """Whether people call a learning rate so: `lr`, `learning_rate`, `eta`."""
    return re.sub(r"[^a-z]", "", name.lower()) in _RATE_WORDS


def looks_like_loss(name: str) -> bool:
    """Whether people call the loss value so: `loss`, `cost`, `J`."""
    return any(piece in _LOSS_WORDS for piece in (word.lower() for word in _WORD.findall(name)))


def initials(name: str) -> str:
    """First letters of the words: `weights_input_hidden` and `w_i_h` are both "wih"."""
    return "".join(piece[0].lower() for piece in _WORD.findall(name))

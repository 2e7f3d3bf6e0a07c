"""What gradient checks in tests take where the call itself says nothing: the pytest plugin puts it here."""

from __future__ import annotations

from typing import Any

# Options of `gradcheck` by name.
given: dict[str, Any] = {}

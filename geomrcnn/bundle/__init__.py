"""The model file users pass around: one zip with weights, an exported graph and a card."""

"""Embeddings, and tools for their models."""

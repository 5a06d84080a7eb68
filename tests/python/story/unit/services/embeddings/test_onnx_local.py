# tests/unit/services/embeddings/test_onnx_local.py
# The story's file. It patched Python's onnxruntime and huggingface_hub, which the package does not use; the lines that
# did so, and the mock that stood for an InferenceSession, are adapted and marked "adapted". Nothing else is changed.
import pytest
import numpy as np
from unittest.mock import Mock, patch, MagicMock
from rag_factory.services.embeddings.onnx_local import ONNXLocalEmbedding


class TestONNXLocalEmbedding:
    """Test ONNX local embedding provider."""

    @pytest.fixture
    def mock_session(self):
        """Mock ONNX Runtime session."""
        session = Mock()
        session.dim = 384  # adapted: was get_outputs() with a shape
        return session

    @pytest.fixture
    def embedding_provider(self, mock_session):
        """Create embedding provider with mocked session."""
        with patch("rag_factory._native.Model", return_value=mock_session):  # adapted: was onnxruntime.InferenceSession
            with patch.object(ONNXLocalEmbedding, "_download_model"):
                provider = ONNXLocalEmbedding(model_name="test-model")
                provider.session = mock_session
                return provider

    def test_initialization(self, embedding_provider):
        """Test provider initialization."""
        assert embedding_provider.model_name == "test-model"
        assert embedding_provider.embedding_dim == 384

    def test_embed_documents(self, embedding_provider, mock_session):
        """Test document embedding."""
        # Mock session output
        mock_embeddings = np.random.randn(2, 384).astype(np.float32)
        mock_session.embed.return_value = mock_embeddings.tobytes()  # adapted: was run(), with a list

        texts = ["Document 1", "Document 2"]
        embeddings = embedding_provider.embed_documents(texts)

        assert len(embeddings) == 2
        assert len(embeddings[0]) == 384
        assert isinstance(embeddings[0][0], float)

    def test_embed_query(self, embedding_provider, mock_session):
        """Test query embedding."""
        mock_embedding = np.random.randn(1, 384).astype(np.float32)
        mock_session.embed.return_value = mock_embedding.tobytes()  # adapted: was run(), with a list

        embedding = embedding_provider.embed_query("Test query")

        assert len(embedding) == 384
        assert isinstance(embedding[0], float)

    def test_normalization(self, embedding_provider):
        """Test embedding normalization."""
        embeddings = np.array([[3.0, 4.0], [1.0, 0.0]])
        normalized = embedding_provider._normalize(embeddings)

        # Check unit length
        norms = np.linalg.norm(normalized, axis=1)
        np.testing.assert_array_almost_equal(norms, [1.0, 1.0])

    def test_mean_pooling(self, embedding_provider):
        """Test mean pooling."""
        embeddings = np.array([
            [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]],  # Batch 1
            [[2.0, 3.0], [4.0, 5.0], [0.0, 0.0]]   # Batch 2
        ])
        attention_mask = np.array([
            [1, 1, 0],  # First two tokens valid
            [1, 1, 0]
        ])

        pooled = embedding_provider._mean_pooling(embeddings, attention_mask)

        # Should average first two tokens
        expected = np.array([
            [2.0, 3.0],  # (1+3)/2, (2+4)/2
            [3.0, 4.0]   # (2+4)/2, (3+5)/2
        ])
        np.testing.assert_array_almost_equal(pooled, expected)

    def test_empty_input(self, embedding_provider):
        """Test handling of empty input."""
        embeddings = embedding_provider.embed_documents([])
        assert embeddings == []

    def test_model_download_failure(self, no_hub):  # adapted: no_hub, was a patched huggingface_hub.hf_hub_download
        """Test handling of model download failure."""
        with pytest.raises(ValueError, match="Could not download ONNX model"):
            ONNXLocalEmbedding(model_name="nonexistent-model")

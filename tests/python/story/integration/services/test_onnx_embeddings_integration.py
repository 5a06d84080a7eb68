# tests/integration/services/test_onnx_embeddings_integration.py
import pytest
from rag_factory.services.embeddings.onnx_local import ONNXLocalEmbedding


@pytest.mark.integration
class TestONNXEmbeddingsIntegration:
    """Integration tests with real ONNX models."""

    @pytest.fixture(scope="class")
    def embedding_provider(self):
        """Create real ONNX embedding provider."""
        # Use a small, fast model for testing
        return ONNXLocalEmbedding(
            model_name="sentence-transformers/all-MiniLM-L6-v2"
        )

    def test_embed_single_document(self, embedding_provider):
        """Test embedding a single document."""
        text = "This is a test document."
        embedding = embedding_provider.embed_query(text)

        assert len(embedding) == embedding_provider.dimension
        assert all(isinstance(x, float) for x in embedding)

        # Check normalization (should be unit vector)
        import numpy as np
        norm = np.linalg.norm(embedding)
        assert abs(norm - 1.0) < 0.01

    def test_embed_multiple_documents(self, embedding_provider):
        """Test embedding multiple documents."""
        texts = [
            "First document about machine learning.",
            "Second document about natural language processing.",
            "Third document about deep learning."
        ]

        embeddings = embedding_provider.embed_documents(texts)

        assert len(embeddings) == 3
        assert all(len(emb) == embedding_provider.dimension for emb in embeddings)

    def test_semantic_similarity(self, embedding_provider):
        """Test that similar texts have similar embeddings."""
        import numpy as np

        text1 = "The cat sits on the mat."
        text2 = "A cat is sitting on a mat."
        text3 = "Python is a programming language."

        emb1 = np.array(embedding_provider.embed_query(text1))
        emb2 = np.array(embedding_provider.embed_query(text2))
        emb3 = np.array(embedding_provider.embed_query(text3))

        # Similar texts should have higher similarity
        sim_12 = np.dot(emb1, emb2)
        sim_13 = np.dot(emb1, emb3)

        assert sim_12 > sim_13
        assert sim_12 > 0.7  # Should be quite similar

    def test_batch_consistency(self, embedding_provider):
        """Test that batch and individual embeddings match."""
        import numpy as np

        texts = ["Test 1", "Test 2", "Test 3"]

        # Batch embedding
        batch_embeddings = embedding_provider.embed_documents(texts)

        # Individual embeddings
        individual_embeddings = [
            embedding_provider.embed_query(text)
            for text in texts
        ]

        # Should be very similar (allowing for small numerical differences)
        for batch_emb, ind_emb in zip(batch_embeddings, individual_embeddings):
            similarity = np.dot(batch_emb, ind_emb)
            assert similarity > 0.99

    def test_performance(self, embedding_provider):
        """Test embedding performance."""
        import time

        text = "This is a performance test document."

        # Warm up
        embedding_provider.embed_query(text)

        # Measure performance
        start = time.time()
        for _ in range(10):
            embedding_provider.embed_query(text)
        elapsed = time.time() - start

        avg_time = elapsed / 10
        assert avg_time < 0.1  # Should be < 100ms per document

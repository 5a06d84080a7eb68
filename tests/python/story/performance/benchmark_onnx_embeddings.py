# tests/performance/benchmark_onnx_embeddings.py
import time
import numpy as np
from rag_factory.services.embeddings.onnx_local import ONNXLocalEmbedding


def benchmark_embedding_speed():
    """Benchmark embedding speed."""
    provider = ONNXLocalEmbedding()

    # Test documents of varying lengths
    short_text = "Short document."
    medium_text = "This is a medium length document. " * 10
    long_text = "This is a longer document with more content. " * 50

    texts = {
        "short": short_text,
        "medium": medium_text,
        "long": long_text
    }

    results = {}

    for name, text in texts.items():
        # Warm up
        provider.embed_query(text)

        # Benchmark
        times = []
        for _ in range(100):
            start = time.time()
            provider.embed_query(text)
            times.append(time.time() - start)

        results[name] = {
            "mean": np.mean(times) * 1000,  # ms
            "std": np.std(times) * 1000,
            "p95": np.percentile(times, 95) * 1000,
            "p99": np.percentile(times, 99) * 1000
        }

    print("\\nEmbedding Speed Benchmark:")
    print("-" * 60)
    for name, stats in results.items():
        print(f"{name:10s}: {stats['mean']:.2f}ms ± {stats['std']:.2f}ms "
              f"(p95: {stats['p95']:.2f}ms, p99: {stats['p99']:.2f}ms)")

    # Verify performance targets
    assert results["short"]["p95"] < 100, "Short text p95 should be < 100ms"
    assert results["medium"]["p95"] < 100, "Medium text p95 should be < 100ms"


def benchmark_batch_processing():
    """Benchmark batch processing."""
    provider = ONNXLocalEmbedding()

    batch_sizes = [1, 4, 8, 16, 32]
    text = "This is a test document for batch processing."

    results = {}

    for batch_size in batch_sizes:
        texts = [text] * batch_size

        # Warm up
        provider.embed_documents(texts)

        # Benchmark
        times = []
        for _ in range(50):
            start = time.time()
            provider.embed_documents(texts)
            times.append(time.time() - start)

        results[batch_size] = {
            "total_mean": np.mean(times) * 1000,
            "per_doc": (np.mean(times) / batch_size) * 1000
        }

    print("\\nBatch Processing Benchmark:")
    print("-" * 60)
    for batch_size, stats in results.items():
        print(f"Batch {batch_size:2d}: {stats['total_mean']:.2f}ms total, "
              f"{stats['per_doc']:.2f}ms per document")


if __name__ == "__main__":
    benchmark_embedding_speed()
    benchmark_batch_processing()

"""pandas and numpy: near-duplicates in a column of texts.

    pip install rag_factory pandas
    python duplicates_pandas.py
"""

import numpy as np
import pandas as pd

from rag_factory.services.embeddings import ONNXLocalEmbedding

tickets = pd.DataFrame({
    "id": [101, 102, 103, 104, 105],
    "text": [
        "I cannot log in to my account",
        "Where is my parcel?",
        "Login to my account does not work",
        "My order has not arrived yet",
        "Please cancel my subscription",
    ],
})

with ONNXLocalEmbedding() as embedder:
    vectors = embedder.embed_documents_array(tickets["text"])

cosines = vectors @ vectors.T
np.fill_diagonal(cosines, 0)
tickets["closest"] = tickets["id"].to_numpy()[cosines.argmax(axis=1)]
tickets["cosine"] = cosines.max(axis=1).round(2)
print(tickets.sort_values("cosine", ascending=False).to_string(index=False))

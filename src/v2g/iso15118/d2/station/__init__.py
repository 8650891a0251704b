"""One pure function for each request: `answer(to, request, session, view) -> Reply | Wait`, raising `Refusal`.

`to` is the dialect: DIN SPEC 70121 uses the functions whose messages are the same. `side.py` puts them together.
"""

"""What a text says, without its wording."""


def says_in_order(text: str, *words: str) -> bool:
    """Return whether a text contains words and numbers one after another."""
    start = 0
    for word in words:
        start = text.find(word, start) + len(word)
        if start < len(word):
            return False
    return True

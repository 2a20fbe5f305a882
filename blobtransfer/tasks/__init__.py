"""Problems to be learnt: from a spec to rows of training and test."""

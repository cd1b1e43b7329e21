"""`heavylift measure`: cold starts of a function on a cloud, ours against the way of the article that introduced the technique."""

"""What several test modules share. Test modules never import one another."""

"""The network, in torch alone: recurrent cells, anchored output, losses."""

"""gRPC around the capabilities: decode, ask, encode. Nothing below knows protobuf.

supervisor.py   one parent: port, workers, bundle admission, metrics endpoint
worker.py       one process that answers; several share a port
servicers.py    the methods of recsys.v1, on top of call.py
wire.py         protobuf messages to values and back
status.py       errors to google.rpc.Status
fetcher.py      brings bundles from the model registry
client.py       a small client for commands and notebooks
"""

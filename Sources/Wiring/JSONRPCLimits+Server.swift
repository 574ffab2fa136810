import JSONRPC
import Settings

extension JSONRPCLimits {
  var http: HTTPServerLimits {
    var limits = HTTPServerLimits()
    limits.connections = maxConnections
    limits.head = headBytes
    limits.body = bodyBytes
    limits.headTime = headTimeout
    limits.bodyTime = bodyTimeout
    limits.stallTime = stallTimeout
    limits.idleTime = idleTimeout
    return limits
  }

  var calls: RPCLimits {
    var limits = RPCLimits()
    limits.requests = maxRequests
    limits.batch = maxBatch
    limits.batchConcurrency = batchConcurrency
    limits.batchAnswer = batchAnswerBytes
    limits.callTime = callTimeout
    return limits
  }
}

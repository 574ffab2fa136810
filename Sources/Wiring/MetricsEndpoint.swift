public import JSONRPC
public import Logging
public import Operations
public import Settings

/// Serves the registry as Prometheus text, on every path, as deployed nodes do (PROTOCOL.md 13).
public enum MetricsEndpoint {
  public static func make(_ settings: MetricsSettings, logger: Logger, metrics: MetricsRegistry) -> PlainHTTPServer {
    PlainHTTPServer(name: "metrics", address: LocalLinks.listenAddress(settings.bindAddress), logger: logger, metrics: metrics) { _ in
      HTTPResponse(status: 200, contentType: MetricsRegistry.contentType, body: .bytes(Array(metrics.exposition().utf8)))
    }
  }
}

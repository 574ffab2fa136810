/// Every bound that can turn a connection away.
public enum RelayLimit: UInt8, CaseIterable, Hashable, Sendable {
  /// Closed right after accept, before anything was read.
  case streams
  case streamsPerSource
  case sourceRate
  case presenting
  case presentingPerSource

  /// Refused with an alert, once the hello or its name was there.
  case helloBudget
  case helloBudgetPerSource
  case nameRate
  case streamsPerName
  case waiting
  case waitingPerSource
  case waitingPerName

  /// The key of its setting, for log lines and labels of metrics.
  public var setting: String {
    switch self {
    case .streams: "max_streams"
    case .streamsPerSource: "max_streams_per_source"
    case .sourceRate: "tcp_rate_limits"
    case .presenting: "max_presenting"
    case .presentingPerSource: "max_presenting_per_source"
    case .helloBudget: "hello_budget"
    case .helloBudgetPerSource: "hello_budget_per_source"
    case .nameRate: "name_rate_limits"
    case .streamsPerName: "max_streams_per_name"
    case .waiting: "max_waiting"
    case .waitingPerSource: "max_waiting_per_source"
    case .waitingPerName: "max_waiting_per_name"
    }
  }

  /// What a stream that was refused for it ends with; nil for those that never became one.
  var cause: EndCause? {
    switch self {
    case .streams, .streamsPerSource, .sourceRate, .presenting, .presentingPerSource: nil
    case .helloBudget, .helloBudgetPerSource: .helloBudget
    case .nameRate: .tooOften
    case .streamsPerName: .tooManyStreams
    case .waiting, .waitingPerSource, .waitingPerName: .tooManyWaiting
    }
  }
}

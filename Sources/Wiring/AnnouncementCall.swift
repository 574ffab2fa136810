public import Announcements
public import HyperModel
import JSONRPC

/// What `announceConnections` says besides the names: keys of ours, which deployed public proxies ignore (docs/compatibility.md).
public struct AnnouncementCall: Hashable, Sendable {
  /// `instance`: which of the operator's private proxies speaks.
  public var instance: InstanceID?
  /// `node`: what the node beside it calls itself.
  public var node: String?
  /// `every`: in how many seconds this is repeated at the latest.
  public var interval: Int?
  /// `all`: these are all names that this private proxy announces here, or all in a range; others of it are given up.
  public var complete: NameRange?
  /// `stopping`: the private proxy stops, and takes no more clients.
  public var isStopping: Bool
  /// `run` and `number`: where the call stands among the others.
  public var order: CallOrder?

  public init(
    instance: InstanceID? = nil, node: String? = nil, interval: Int? = nil, complete: NameRange? = nil, isStopping: Bool = false,
    order: CallOrder? = nil
  ) {
    self.instance = instance
    self.node = node
    self.interval = interval
    self.complete = complete
    self.isStopping = isStopping
    self.order = order
  }

  private static let longestNode = 64
  private static let longestRun = 64
  private static let intervals: ClosedRange<Int64> = 1...3600

  /// - Throws: `CallFault` −32602 for an instance that is none.
  public init(_ params: [String: JSONValue]) throws(CallFault) {
    self.init(
      node: params["node"]?.string.flatMap { (1...Self.longestNode).contains($0.utf8.count) ? $0 : nil },
      interval: params["every"]?.integer.flatMap { Self.intervals.contains($0) ? Int($0) : nil },
      complete: Self.complete(params["all"]), isStopping: params["stopping"] == true, order: Self.order(params))
    instance = try Self.instance(params)
  }

  /// The `instance` among the parameters, if there is one.
  ///
  /// - Throws: `CallFault` −32602 for one that is none.
  public static func instance(_ params: [String: JSONValue]) throws(CallFault) -> InstanceID? {
    guard let value = params["instance"], !value.isNull else { return nil }
    guard let instance = value.string.flatMap({ InstanceID($0) }) else {
      throw .invalidParams(FormError(["instance": "expected 1 to 64 letters, digits, hyphens, underscores or dots"]))
    }
    return instance
  }

  /// True, or a map with `from`, `below` or both.
  private static func complete(_ value: JSONValue?) -> NameRange? {
    if value == true { return .whole }
    guard let members = value?.object else { return nil }
    let range = NameRange(from: members["from"]?.string, below: members["below"]?.string)
    return range == .whole ? nil : range
  }

  /// Where the call stands among the others; nil when it does not say.
  public static func order(_ params: [String: JSONValue]) -> CallOrder? {
    guard let run = params["run"]?.string, (1...longestRun).contains(run.utf8.count), let number = params["number"]?.integer else {
      return nil
    }
    return CallOrder(run: run, number: number)
  }

  /// The parameters of the call.
  public func params(_ items: [AnnouncementRequest]) -> [String: JSONValue] {
    var params: [String: JSONValue] = ["connections": .array(items.map(\.json))]
    if let instance { params["instance"] = .string(instance.text) }
    if let node { params["node"] = .string(node) }
    if let interval { params["every"] = .integer(Int64(interval)) }
    if let complete {
      var range: [String: JSONValue] = [:]
      if let from = complete.from { range["from"] = .string(from) }
      if let below = complete.below { range["below"] = .string(below) }
      params["all"] = range.isEmpty ? true : .object(range)
    }
    if isStopping { params["stopping"] = true }
    if let order { params.merge(order.params) { $1 } }
    return params
  }
}

extension CallOrder {
  /// `data` of the error for a call that was overtaken.
  public static let overtaken: JSONValue = ["overtaken": true]

  /// As parameters of a call.
  public var params: [String: JSONValue] { ["run": .string(run), "number": .integer(number)] }
}

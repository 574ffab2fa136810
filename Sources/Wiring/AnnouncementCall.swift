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
  /// `all`: these are all names that this private proxy announces here; others of it are given up.
  public var isComplete: Bool
  /// `stopping`: the private proxy stops, and takes no more clients.
  public var isStopping: Bool

  public init(
    instance: InstanceID? = nil, node: String? = nil, interval: Int? = nil, isComplete: Bool = false, isStopping: Bool = false
  ) {
    self.instance = instance
    self.node = node
    self.interval = interval
    self.isComplete = isComplete
    self.isStopping = isStopping
  }

  private static let longestNode = 64
  private static let intervals: ClosedRange<Int64> = 1...3600

  /// - Throws: `CallFault` −32602 for an instance that is none.
  public init(_ params: [String: JSONValue]) throws(CallFault) {
    self.init(
      node: params["node"]?.string.flatMap { (1...Self.longestNode).contains($0.utf8.count) ? $0 : nil },
      interval: params["every"]?.integer.flatMap { Self.intervals.contains($0) ? Int($0) : nil },
      isComplete: params["all"] == true, isStopping: params["stopping"] == true)
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

  /// The parameters of the call.
  public func params(_ items: [AnnouncementRequest]) -> [String: JSONValue] {
    var params: [String: JSONValue] = ["connections": .array(items.map(\.json))]
    if let instance { params["instance"] = .string(instance.text) }
    if let node { params["node"] = .string(node) }
    if let interval { params["every"] = .integer(Int64(interval)) }
    if isComplete { params["all"] = true }
    if isStopping { params["stopping"] = true }
    return params
  }
}

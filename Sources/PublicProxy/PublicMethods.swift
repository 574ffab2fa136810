import Announcements
import HyperModel
import JSONRPC
import Logging
import Wiring

import struct Foundation.Date

/// The methods that the own node calls at the public proxy (PROTOCOL.md 10.3).
struct PublicMethods: Sendable {
  let ownName: OperatorName
  let book: AnnouncementBook
  /// Members of these groups may list the announcements of everybody.
  let listAllGroups: Set<String>
  let logger: Logger

  /// The largest number of items in one `announceConnections`; a directory entry of 4 MiB could not hold more names.
  static let itemLimit = 10_000

  func handle(_ request: RPCRequest) async -> CallResponse.Outcome {
    do throws(CallFault) {
      switch request.method {
      case "announceConnections": return .result(try await announceConnections(request.params))
      case "withdrawConnections": return .result(try await withdrawConnections(request.params))
      case "getAnnouncements": return .result(try getAnnouncements(request.params))
      default: throw .methodNotFound
      }
    } catch {
      return .fault(error)
    }
  }

  /// One answer per item: null for accepted, else an error object (PROTOCOL.md 10.3).
  private func announceConnections(_ params: [String: JSONValue]) async throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    let items = try requestedItems(params)
    let call = try AnnouncementCall(params)
    let allowed: AllowedDomains
    do {
      allowed = try AllowedDomains.read(of: caller, at: ownName)
    } catch {
      // The directory allows it nothing, or nothing any more.
      if error.code == 403 { await book.release(of: caller.name) }
      throw error
    }
    let refusals = try await book.announce(items, by: caller.name, call, allowed: allowed)
    for case (let item, let refusal?) in zip(items, refusals) {
      logger.notice(
        "announcement refused",
        metadata: ["domain": "\(item.domain)", "operator": "\(caller.name)", "code": "\(refusal.code)", "reason": "\(refusal)"])
    }
    return .array(refusals.map { $0?.fault.json ?? .null })
  }

  /// Names of the caller are free at once. `connections` is a list of names or of maps with `domain`; with `instance` those of one private
  /// proxy alone. One answer per item, as above; a name that the caller does not hold is none to complain about.
  private func withdrawConnections(_ params: [String: JSONValue]) async throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    let list = try connections(params)
    let domains = list.map { $0.string ?? $0["domain"]?.string }
    let problems = domains.enumerated().filter { $0.element == nil }
    guard problems.isEmpty else {
      let form = FormError(Dictionary(uniqueKeysWithValues: problems.map { ("\($0.offset)", "expected a name or a map with domain") }))
      throw .invalidParams(FormError(["connections": form.json]))
    }
    let instance = try AnnouncementCall.instance(params)
    let refusals = try await book.withdraw(
      domains.compactMap { $0 }, by: caller.name, instance: instance, order: AnnouncementCall.order(params))
    return .array(refusals.map { $0?.fault.json ?? .null })
  }

  /// The caller's own announcements; everybody's for members of the privileged groups.
  private func getAnnouncements(_ params: [String: JSONValue]) throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    let seesAll = !listAllGroups.isDisjoint(with: caller.groups)
    return .array(book.statuses(of: seesAll ? nil : caller.name).map(\.json))
  }

  private func connections(_ params: [String: JSONValue]) throws(CallFault) -> [JSONValue] {
    guard let list = params["connections"]?.array else { throw .invalidParams(FormError(["connections": "expected a list"])) }
    guard list.count <= Self.itemLimit else {
      throw .invalidParams(FormError(["connections": .string("expected at most \(Self.itemLimit) items, found \(list.count)")]))
    }
    return list
  }

  private func requestedItems(_ params: [String: JSONValue]) throws(CallFault) -> [AnnouncementRequest] {
    let list = try connections(params)
    var problems: [String: JSONValue] = [:]
    var items: [AnnouncementRequest] = []
    for (index, item) in list.enumerated() {
      switch AnnouncementRequest.read(item) {
      case .success(let read): items.append(read)
      case .failure(let error): problems["\(index)"] = error.json
      }
    }
    guard problems.isEmpty else {
      let list = FormError(problems)
      throw .invalidParams(FormError(["connections": list.json]))
    }
    return items
  }
}

extension AnnouncementStatus {
  /// As `getAnnouncements` shows it; existing nodes show the first three members.
  fileprivate var json: JSONValue {
    func time(_ date: Date?) -> JSONValue { date.map { .string(RFC3339.format($0)) } ?? .null }
    var members: [String: JSONValue] = [
      "domain": .string(announcement.domain), "operator": .string(announcement.owner.text), "expires_at": time(announcement.expiresAt),
      "since": time(announcement.since), "last_seen": time(lastSeen), "connected": .bool(isConnected), "offline": .bool(isOffline),
    ]
    if let instance = announcement.instance { members["instance"] = .string(instance.text) }
    if !announcement.sharedWith.isEmpty {
      members["shared_with"] = .array(announcement.sharedWith.sorted().map { .string($0.text) })
    }
    return .object(members)
  }
}

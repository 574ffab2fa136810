import Announcements
import Datastore
import HyperModel
import Logging
import Operations
import Settings
import Synchronization
import Wiring

import struct Foundation.Date

/// What this private proxy announces: from its settings and by call; the latter also on disk for restarts.
///
/// `table` is protected by its mutex. Writers come one at a time (`turn`): each works on a copy, stores what changed, and only then puts the
/// copy in force.
final class OutgoingBook: Sendable {
  /// Which of the operator's private proxies this is.
  let instance: InstanceID
  private let table: Mutex<OutgoingAnnouncements>
  private let store: any AnnouncementStore
  private let turn = Turnstile()

  init(instance: InstanceID, table: OutgoingAnnouncements, store: any AnnouncementStore) {
    self.instance = instance
    self.table = Mutex(table)
    self.store = store
  }

  /// Opens the store, takes over the settings' announcements and then what is stored.
  ///
  /// - Throws: `StartFailure` when the store cannot be used or an announcement of the settings cannot be made.
  static func open(_ settings: PrivateProxySettings, logger: Logger) async throws(StartFailure) -> OutgoingBook {
    var table = OutgoingAnnouncements(ownName: settings.name)
    let announced = settings.announcements.map { item in
      OutgoingAnnouncement(
        domain: item.domain, proxy: item.proxy, expiresAt: item.expiresAt,
        allowedEndpoints: (item.allowedEndpoints ?? []).map(\.description), sharedWith: Set(item.sharedWith))
    }
    for refused in table.replaceStatic(announced, now: Date()) {
      throw StartFailure("announcements: \(refused.refusal)", hint: "correct the settings", status: ExitStatus.badUsage)
    }
    do throws(DatastoreError) {
      let type = StoreType(rawValue: settings.datastore.type.rawValue) ?? .sqlite
      let store = try type.open(path: settings.datastore.filename)
      let leftOut = table.restore(try await store.load().compactMap(\.outgoing), now: Date())
      if !leftOut.isEmpty { try await store.remove(leftOut.map { StoredAnnouncement($0) }) }
      return OutgoingBook(instance: try instance(of: type, settings.datastore.filename), table: table, store: store)
    } catch {
      throw StartFailure(message: error.description, hint: error.hint)
    }
  }

  private static func instance(of type: StoreType, _ path: String) throws(DatastoreError) -> InstanceID {
    switch type {
    case .sqlite, .file: return try InstanceFile.instance(beside: path)
    case .memory:
      var generator = SystemRandomNumberGenerator()
      return .random(using: &generator)
    }
  }

  /// The public proxies that anything is announced to.
  func proxies() -> Set<OperatorName> { Set(list().map(\.proxy)) }

  /// Those that the settings name: the private proxy is ready when all of them have accepted.
  var staticProxies: Set<OperatorName> { table.withLock { Set($0.staticAnnouncements(now: Date()).map(\.proxy)) } }

  func list() -> [OutgoingAnnouncement] { table.withLock { $0.list(now: Date()) } }

  /// What a public proxy has to hear.
  ///
  /// - Parameter isOffline: whether all servers of a name are down.
  func pending(at proxy: OperatorName, isOffline: (String) -> Bool) -> [AnnouncementRequest] {
    list().filter { $0.proxy == proxy }.map { announcement in
      var request = announcement.request
      request.isOffline = isOffline(announcement.domain)
      return request
    }
  }

  /// The announcement of a name or wildcard at a public proxy.
  func request(_ domain: String, at proxy: OperatorName) -> AnnouncementRequest? {
    table.withLock { $0.held(domain, at: proxy, now: Date()) }?.request
  }

  /// The announcement on whose strength a public proxy may send a notice.
  func match(domain: String, proxy: OperatorName) -> OutgoingAnnouncement? {
    table.withLock { $0.matches(domain: domain, proxy: proxy, now: Date()) }
  }

  /// Adds, renews or withdraws an announcement made by call. When this returns, it is stored.
  ///
  /// - Returns: what the public proxy has to be told; nil when nothing changed.
  /// - Throws: the refusal in words, −32603 when it could not be stored.
  func announce(_ announcement: OutgoingAnnouncement, allowed: AllowedDomains) async throws(CallFault) -> AnnouncementRequest? {
    try await change { $0.announce(announcement, allowed: allowed, now: Date()) }
  }

  /// Gives an announcement made by call up. When this returns, that is stored.
  ///
  /// - Returns: what the public proxy has to be told; nil when there was no such announcement.
  /// - Throws: the refusal in words, −32603 when it could not be stored.
  func withdraw(_ domain: String, at proxy: OperatorName, allowed: AllowedDomains) async throws(CallFault) -> AnnouncementRequest? {
    try await change { $0.withdraw(domain, at: proxy, allowed: allowed) }
  }

  private func change(
    _ step: @Sendable (inout OutgoingAnnouncements) -> OutgoingOutcome
  ) async throws(CallFault) -> AnnouncementRequest? {
    try await turn.pass { () throws(CallFault) -> AnnouncementRequest? in
      var next = table.withLock { $0 }
      // What has expired takes no room.
      let expired = next.purgeExpired(now: Date()).map { StoredAnnouncement($0) }
      do {
        switch step(&next) {
        case .refused(let refusal): throw refusal.fault
        case .unchanged: return nil
        case .created(let changed), .renewed(let changed):
          try await store.change(removing: expired, saving: [StoredAnnouncement(changed)])
          return putInForce(next, changed)
        case .withdrawn(let changed):
          try await store.change(removing: expired + [StoredAnnouncement(changed)], saving: [])
          return putInForce(next, changed)
        }
      } catch let fault as CallFault {
        throw fault
      } catch {
        throw CallFault(code: -32603, message: "the announcement could not be stored, nothing was changed: \(error)")
      }
    }
  }

  private func putInForce(_ next: OutgoingAnnouncements, _ changed: OutgoingAnnouncement) -> AnnouncementRequest {
    table.withLock { $0 = next }
    return changed.request
  }
}

extension OutgoingAnnouncement {
  fileprivate var request: AnnouncementRequest { AnnouncementRequest(domain: domain, expiresAt: expiresAt, sharedWith: sharedWith) }
}

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
  private let table: Mutex<OutgoingAnnouncements>
  private let store: any AnnouncementStore
  private let turn = Turnstile()

  init(table: OutgoingAnnouncements, store: any AnnouncementStore) {
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
        allowedEndpoints: (item.allowedEndpoints ?? []).map(\.description))
    }
    for refused in table.replaceStatic(announced, now: Date()) {
      throw StartFailure("announcements: \(refused.refusal)", hint: "correct the settings", status: ExitStatus.badUsage)
    }
    do {
      let store = try SQLiteAnnouncementStore(path: settings.datastore.filename)
      let leftOut = table.restore(try await store.load().compactMap(\.outgoing), now: Date())
      if !leftOut.isEmpty { try await store.remove(leftOut.map { StoredAnnouncement($0) }) }
      return OutgoingBook(table: table, store: store)
    } catch {
      throw StartFailure(message: error.description, hint: error.hint)
    }
  }

  /// The public proxies that anything is announced to.
  func proxies() -> Set<OperatorName> { Set(list().map(\.proxy)) }

  /// Those that the settings name: the private proxy is ready when all of them have accepted.
  var staticProxies: Set<OperatorName> { table.withLock { Set($0.staticAnnouncements(now: Date()).map(\.proxy)) } }

  func list() -> [OutgoingAnnouncement] { table.withLock { $0.list(now: Date()) } }

  /// What a public proxy has to hear.
  func pending(at proxy: OperatorName) -> [AnnouncementRequest] {
    list().filter { $0.proxy == proxy }.map { AnnouncementRequest(domain: $0.domain, expiresAt: $0.expiresAt) }
  }

  /// The announcement on whose strength a public proxy may send a notice.
  func match(domain: String, proxy: OperatorName) -> OutgoingAnnouncement? {
    table.withLock { $0.matches(domain: domain, proxy: proxy, now: Date()) }
  }

  /// Adds, renews or withdraws an announcement made by call. When this returns, it is stored.
  ///
  /// - Returns: what the public proxy has to be told; nil when nothing changed.
  /// - Throws: the refusal in words, −32603 when it could not be stored.
  func announce(
    _ announcement: OutgoingAnnouncement, allowed: AllowedDomains
  ) async throws(CallFault) -> AnnouncementRequest? {
    try await turn.pass { () throws(CallFault) -> AnnouncementRequest? in
      var next = table.withLock { $0 }
      do {
        switch next.announce(announcement, allowed: allowed, now: Date()) {
        case .refused(let refusal): throw refusal.fault
        case .unchanged: return nil
        case .created(let changed), .renewed(let changed):
          try await store.save([StoredAnnouncement(changed)])
          return putInForce(next, changed)
        case .withdrawn(let changed):
          try await store.remove([StoredAnnouncement(changed)])
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
    return AnnouncementRequest(domain: changed.domain, expiresAt: changed.expiresAt)
  }
}

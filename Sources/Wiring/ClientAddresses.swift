import Addresses
public import Relay
public import Settings
import Synchronization

import struct Foundation.Date

/// Writes the addresses of clients for logs, as far as the settings allow. Whatever prints a client's address asks here.
///
/// `writer` is protected by its mutex: its key changes every day (UTC).
public final class ClientAddresses: Sendable {
  private let writer: Mutex<AddressWriter>

  public init(_ privacy: PrivacySettings) {
    writer = Mutex(AddressWriter(privacy.logs))
  }

  /// Nil when nothing may be written.
  public func text(_ client: SocketAddressText) -> String? { text(client, at: Date()) }

  func text(_ client: SocketAddressText, at now: Date) -> String? {
    // What is no address of the Internet says nothing about anybody: a Unix socket, the lack of an address.
    guard let address = IPAddress(client.host) else { return client.host }
    let day = Int(now.timeIntervalSince1970 / 86_400)
    var generator = SystemRandomNumberGenerator()
    return writer.withLock { $0.text(address, port: client.port, day: day, using: &generator) }
  }
}

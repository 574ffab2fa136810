import CLinux
import Glibc

/// A bound and listening socket, shared by all loops; closed when the last of them has let it go.
final class ListeningSocket: Sendable {
  let role: ListenerRole
  private let descriptor: Descriptor

  init(_ descriptor: consuming Descriptor, role: ListenerRole) {
    self.descriptor = descriptor
    self.role = role
  }

  var number: Int32 { descriptor.number }

  /// How often another port is drawn when a free port of the first address is taken on the second.
  private static let portAttempts = 16

  /// Opens every address that a host name stands for, all on one port. Address families that the machine lacks are left out.
  ///
  /// - Parameter host: a name, a numeric address, or empty or `*` for all addresses.
  /// - Parameter port: 0 for any free port.
  static func open(
    role: ListenerRole, host: String, port: Int, settings: RelaySettings
  ) throws(RelayError) -> (sockets: [ListeningSocket], port: Int) {
    let place = "\(host.isEmpty ? "*" : host):\(port)"
    let addresses: [SocketAddress]
    switch SocketAddress.look(up: host, port: port, .passive) {
    case .success(let found): addresses = found
    case .failure(let failure): throw RelayError(.noSuchAddress, "listen on \(place): \(failure.text)")
    }
    var attempt = 1
    while true {
      do {
        return try open(addresses, role: role, port: port, place: place, settings: settings)
      } catch {
        guard port == 0, error.kind == .addressInUse, attempt < portAttempts else { throw error }
        attempt += 1
      }
    }
  }

  private static func open(
    _ addresses: [SocketAddress], role: ListenerRole, port: Int, place: String, settings: RelaySettings
  ) throws(RelayError) -> (sockets: [ListeningSocket], port: Int) {
    var sockets: [ListeningSocket] = []
    var port = port
    var missing: RelayError?
    for address in addresses {
      // Only a lone `::` means IPv4 as well; otherwise each family has its own socket.
      let isDual = address.family == AF_INET6 && address.isWildcard && addresses.count == 1
      do {
        let descriptor = try open(address.with(port: port), isDual: isDual, place: place, settings: settings)
        if port == 0 { port = SocketAddress.localPort(of: descriptor.number) }
        sockets.append(ListeningSocket(descriptor, role: role))
      } catch {
        guard error.kind == .noSuchAddress else { throw error }
        missing = error
      }
    }
    if sockets.isEmpty { throw missing ?? RelayError(.noSuchAddress, "listen on \(place): no address found") }
    return (sockets, port)
  }

  private static func open(
    _ address: SocketAddress, isDual: Bool, place: String, settings: RelaySettings
  ) throws(RelayError) -> Descriptor {
    guard let descriptor = Descriptor(owning: hyper_socket(address.family)) else { throw failure(errno, place, address) }
    let number = descriptor.number
    var isGood = hyper_reuse_address(number) == 0
    if address.family == AF_INET6 { isGood = isGood && hyper_ipv6_only(number, isDual ? 0 : 1) == 0 }
    guard isGood, address.withPointer({ bind(number, $0, $1) }) == 0 else { throw failure(errno, place, address) }
    // Accepted sockets inherit it, which saves a call for each of them. Not vital: a failure is not reported.
    _ = hyper_no_delay(number)
    guard Glibc.listen(number, Int32(clamping: settings.listenBacklog)) == 0 else { throw failure(errno, place, address) }
    return descriptor
  }

  private static func failure(_ code: Int32, _ place: String, _ address: SocketAddress) -> RelayError {
    let message = "listen on \(place): \(errorText(code))"
    switch code {
    case EADDRINUSE: return RelayError(.addressInUse, message, hint: "another process listens there already")
    case EADDRNOTAVAIL, EAFNOSUPPORT: return RelayError(.noSuchAddress, message)
    case EACCES, EPERM: return RelayError(.permissionDenied, message, hint: "ports below 1024 need a privilege")
    default: return RelayError(.system, message)
    }
  }
}

extension RelaySettings {
  /// So that a peer that vanished without a word is found: in seconds, as the kernel wants it.
  var keepalive: (idle: Int32, interval: Int32, probes: Int32) {
    let seconds = { (duration: Duration) in Int32(clamping: max(1, duration.components.seconds)) }
    return (seconds(keepaliveIdle), seconds(keepaliveInterval), Int32(clamping: max(1, keepaliveProbes)))
  }
}

extension Duration {
  /// Rounded up; negative is 0.
  var milliseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
    return overflow ? .max >> 8 : whole &+ UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}

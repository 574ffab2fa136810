import CLinux
import Glibc

/// The addresses from which we dial, at most one of each family; the kernel chooses where there is none.
struct DialSource: Sendable {
  private var addresses: [SocketAddress] = []

  /// - Throws: `noSuchAddress` for what is no numeric address, and for a second one of a family.
  init(_ texts: [String]) throws(RelayError) {
    for text in texts {
      guard case .success(let found) = SocketAddress.look(up: text, port: 0, .numeric), found.count == 1, let address = found.first
      else { throw RelayError(.noSuchAddress, "dial from \(text): expected a numeric address") }
      guard self.address(for: address.family) == nil else {
        throw RelayError(.noSuchAddress, "dial from \(text): there is another address of this family")
      }
      addresses.append(address)
    }
  }

  func address(for family: Int32) -> SocketAddress? { addresses.first { $0.family == family } }

  /// Binds a fresh socket, where there is an address for it. Nil when all is well, otherwise what went wrong.
  @inline(__always)
  func apply(to descriptor: Int32, family: Int32) -> String? {
    addresses.isEmpty ? nil : bind(descriptor, family: family)
  }

  private func bind(_ descriptor: Int32, family: Int32) -> String? {
    guard let address = address(for: family) else { return nil }
    // Without the option a port is chosen that is free towards every destination: 28 000 dials from one address in all,
    // instead of to one destination. Old kernels lack it; binding works there too.
    _ = hyper_bind_address_no_port(descriptor)
    guard address.withPointer({ Glibc.bind(descriptor, $0, $1) }) == 0 else { return "dial from \(address.host): \(errorText(errno))" }
    return nil
  }
}

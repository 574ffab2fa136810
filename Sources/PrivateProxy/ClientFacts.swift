import Addresses
import HyperModel
import ProxyProtocol

/// What a notice says about a client besides its name: keys of ours, which a public proxy of the reference does not send.
struct ClientFacts: Hashable, Sendable {
  /// Nil when the notice does not say, or says less than an address and a port.
  var client: ProxyHeader.Endpoint?
  var serverName: String?
  var alpn: [[UInt8]]
  /// What the stream is called in the logs of the public proxy.
  var stream: String

  /// As many protocols as anybody offers; the others of a longer list are left out.
  private static let mostProtocols = 64

  init(_ params: [String: JSONValue]) {
    if let address = params["client_address"]?.string.flatMap({ IPAddress($0) }),
      let port = params["client_port"]?.integer.flatMap({ UInt16(exactly: $0) })
    {
      client = ProxyHeader.Endpoint(address: address, port: port)
    }
    serverName = params["server_name"]?.string
    alpn = params["alpn"]?.array?.prefix(Self.mostProtocols).compactMap { $0.string.flatMap(Self.bytes) } ?? []
    stream = params["stream"]?.string ?? ""
  }

  /// Each character is a byte (ISO 8859-1). Nil for a text that is none of this kind.
  private static func bytes(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// What the server gets before the client's first byte. Where the client connected to is not known here.
  ///
  /// - Parameter privacy: how much it says of the client's address.
  func header(_ privacy: HeaderPrivacy) -> ProxyHeader {
    let shown = client.flatMap { client in
      privacy.reduced(client.address, port: Int(client.port)).map {
        ProxyHeader.Endpoint(address: $0.address, port: UInt16(clamping: $0.port))
      }
    }
    return ProxyHeader(client: shown, authority: serverName, offeredProtocols: alpn, uniqueID: Array(stream.utf8))
  }
}

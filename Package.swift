// swift-tools-version: 6.2
import PackageDescription

// The layout and its rules are in docs/internals.md; `make check` verifies that imports point towards the pure targets only.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
  name: "hyper",
  products: [
    .executable(name: "hyper", targets: ["hyper"]),
    .executable(name: "proxy", targets: ["proxy"]),
    .executable(name: "internal-server", targets: ["internal-server"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
  ],
  targets: [
    // Pure: values in, values out.
    library("ClientHello"),
    library("HyperModel"),
    library("Announcements", ["HyperModel"]),
    library("Addresses"),
    library("ProxyProtocol", ["Addresses"]),
    library("Limits"),

    // Data plane.
    .target(name: "CLinux"),
    library("Relay", ["CLinux", "ClientHello", "Limits"]),

    // Control plane. Operations and Trust are its two shared floors.
    library("Operations", ["Addresses", "CLinux", logging, lifecycle, signals, nioCore]),
    library("Trust", ["HyperModel", "Operations", logging, lifecycle, x509, asn1, crypto, cryptoExtras, nioCore, nioSSL]),
    library("Settings", ["Addresses", "Announcements", "HyperModel", "ProxyProtocol", .product(name: "Yams", package: "Yams")]),
    library("Datastore", ["Announcements", "HyperModel", .product(name: "GRDB", package: "GRDB.swift")]),
    library("Directory", ["HyperModel", "Operations", logging, lifecycle]),
    library(
      "JSONRPC",
      ["Addresses", "HyperModel", "Operations", "Trust", logging, lifecycle, nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS]),
    library(
      "HyperGRPC",
      [
        "Addresses", "HyperModel", "Operations", "Trust", logging, lifecycle, nioCore, nioPosix, nioSSL, nioTLS, nioHTTP2, nioHPACK,
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    library("Broker", ["HyperModel", "Operations", logging]),

    // Composition. Wiring is its shared floor.
    library(
      "Wiring",
      [
        "Addresses", "Announcements", "ClientHello", "HyperModel", "JSONRPC", "Limits", "Operations", "Relay", "Settings", "Trust", logging,
        lifecycle, nioCore, nioPosix,
      ]),
    library(
      "HyperNode",
      ["Broker", "Directory", "HyperGRPC", "HyperModel", "JSONRPC", "Operations", "Settings", "Trust", "Wiring", logging, lifecycle]),
    library(
      "PublicProxy",
      [
        "Announcements", "ClientHello", "Datastore", "HyperModel", "JSONRPC", "Limits", "Operations", "Relay", "Settings", "Trust",
        "Wiring", logging, lifecycle,
      ]),
    library(
      "PrivateProxy",
      [
        "Addresses", "Announcements", "ClientHello", "Datastore", "HyperModel", "JSONRPC", "Operations", "ProxyProtocol", "Relay",
        "Settings", "Trust", "Wiring", logging, lifecycle, nioCore, nioPosix,
      ]),
    library("InternalServer", ["HyperModel", "JSONRPC", "Operations", "Trust", crypto, logging, lifecycle, nioCore]),

    // Programs: argument declarations and one call each.
    program("hyper", ["HyperNode", "Operations", logging, arguments]),
    program("proxy", ["PublicProxy", "PrivateProxy", "Operations", logging, arguments]),
    program("internal-server", ["InternalServer", "Operations", logging, arguments]),

    // What tests of several targets need: waiting, and processes of their own.
    .target(name: "Harness", path: "Tests/Harness", swiftSettings: strict),

    tests("ClientHelloTests", ["ClientHello"], exclude: ["Recorded"]),
    tests("HyperModelTests", ["HyperModel"]),
    tests("AnnouncementsTests", ["Announcements", "HyperModel"]),
    tests("AddressesTests", ["Addresses"]),
    tests("RelayTests", ["Relay", "ClientHello", "CLinux", "Limits", "Harness"]),
    tests("ProxyProtocolTests", ["ProxyProtocol", "Addresses"], exclude: ["peer"]),
    tests("LimitsTests", ["Limits"]),
    tests("OperationsTests", ["Operations", "Addresses", "Harness", logging, lifecycle, signals, nioCore, nioPosix]),
    tests("TrustTests", ["Trust", "HyperModel", "Operations", logging, x509, nioCore, nioPosix, nioSSL]),
    tests("SettingsTests", ["Settings", "Addresses", "Announcements", "HyperModel", "ProxyProtocol"]),
    tests("DatastoreTests", ["Datastore", "Announcements", "Harness", "HyperModel", .product(name: "GRDB", package: "GRDB.swift")]),
    tests("DirectoryTests", ["Directory", "HyperModel", "Operations", logging]),
    tests(
      "JSONRPCTests",
      [
        "InternalServer", "JSONRPC", "Harness", "HyperModel", "Operations", "Trust", logging, nioCore, nioPosix, nioEmbedded, nioHTTP1,
        nioSSL, crypto, lifecycle,
      ]),
    tests(
      "HyperGRPCTests",
      [
        "HyperGRPC", "Harness", "HyperModel", "Operations", "Trust", logging, lifecycle, nioCore, nioPosix, nioEmbedded, nioHTTP2,
        nioHPACK, subprocess,
        .product(name: "GRPCCore", package: "grpc-swift-2"), .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], exclude: ["peer"]),
    tests("BrokerTests", ["Broker", "HyperModel", "Operations", logging]),
    tests(
      "WiringTests", ["Wiring", "Addresses", "Announcements", "HyperModel", "JSONRPC", "Operations", "Relay", "Settings", "Trust", logging]),
    tests(
      "PublicProxyTests",
      ["PublicProxy", "Announcements", "Datastore", "HyperModel", "JSONRPC", "Operations", "Relay", "Wiring", logging, lifecycle]),
    tests(
      "PrivateProxyTests",
      [
        "PrivateProxy", "Addresses", "Announcements", "Datastore", "HyperModel", "JSONRPC", "Operations", "ProxyProtocol", "Relay",
        "Settings", "Wiring",
        logging, lifecycle,
      ]),
    tests(
      "EndToEndTests", ["Harness", "HyperModel", "Operations", "Trust", subprocess, "hyper", "proxy", "internal-server"],
      exclude: ["clients"]),
  ]
)

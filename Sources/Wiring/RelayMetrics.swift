import ClientHello
public import Operations
public import Relay

/// Publishes the relay's counters, read at every scrape.
public enum RelayMetrics {
  public static func publish(_ engine: RelayEngine, in metrics: MetricsRegistry) {
    metrics.collect {
      let now = engine.snapshot()
      var samples = [
        gauge("hyper_relay_streams", "Streams in any phase.", now.streams),
        gauge("hyper_relay_streams_relaying", "Streams being relayed.", now.relaying),
        gauge("hyper_relay_streams_waiting", "Clients waiting for a decision or their private side.", now.waiting),
        gauge("hyper_relay_hello_bytes", "Bytes of hellos without a destination.", now.helloBytesHeld),
        gauge("hyper_relay_pipes", "Pipes open for splicing.", now.pipes),
        gauge("hyper_relay_bytes_parked", "Bytes in pipes: what slow receivers have left there.", now.bytesParked),
        gauge("hyper_relay_descriptor_limit", "Descriptor limit in force.", UInt64(engine.descriptorLimit)),
        counter("hyper_relay_clients_accepted_total", "Client connections accepted.", now.clientsAccepted),
        counter("hyper_relay_descriptors_exhausted_total", "Closed at once: no descriptors left.", now.descriptorsExhausted),
        counter("hyper_relay_accept_failures_total", "Accepting failed in another way.", now.acceptFailures),
        counter("hyper_relay_hellos_read_total", "Well-formed hellos read.", now.hellosRead),
        counter("hyper_relay_hellos_refused_total", "Hellos refused by the reader.", now.hellosRefused),
        counter("hyper_relay_hellos_with_ech_total", "Hellos with encrypted_client_hello, real or GREASE.", now.hellos.withECH),
        counter("hyper_relay_token_connections_total", "Connections to the token port.", now.tokenConnectionsAccepted),
        counter("hyper_relay_tokens_drawn_total", "Tokens drawn for waiting clients.", now.tokensDrawn),
        counter("hyper_relay_tokens_matched_total", "Tokens presented and matched.", now.tokensMatched),
        counter("hyper_relay_tokens_refused_total", "Wrong, late, repeated, short or slow tokens.", now.tokensRefused),
        counter("hyper_relay_dials_total", "Connections dialled.", now.dialsStarted),
        counter("hyper_relay_dials_failed_total", "Dials that failed.", now.dialsFailed),
        counter("hyper_relay_alerts_total", "TLS alerts written.", now.alerts),
        counter("hyper_relay_events_dropped_total", "Events that found no room.", now.eventsDropped),
        counter("hyper_relay_orders_dropped_total", "Orders that found no room.", now.ordersDropped),
        counter("hyper_relay_bytes_spliced_total", "The part of the bytes that was never copied by us.", now.bytesSpliced),
        counter(
          "hyper_relay_splice_fallbacks_total", "Bulk that had to be copied: no pipe, or sockets that cannot be spliced.",
          now.spliceFallbacks),
        counter("hyper_relay_bytes_total", "Bytes delivered.", now.bytesUp, ["direction": "up"]),
        counter("hyper_relay_bytes_total", "Bytes delivered.", now.bytesDown, ["direction": "down"]),
      ]
      for version in TLSVersion.counted {
        samples.append(
          counter(
            "hyper_relay_hellos_by_version_total", "Hellos by the highest version they offer.", now.hellos.byVersion[version] ?? 0,
            ["version": version == .later ? "later" : version.number]))
      }
      for limit in RelayLimit.allCases {
        samples.append(
          counter(
            "hyper_relay_limit_reached_total", "Connections turned away, by the setting of the limit.", now.limitsReached[limit] ?? 0,
            ["limit": limit.setting]))
      }
      for cause in EndCause.allCases {
        samples.append(
          counter("hyper_relay_streams_ended_total", "Streams ended, by cause.", now.ended[cause] ?? 0, ["cause": cause.name]))
      }
      return samples
    }
    metrics.collectHistograms {
      let hellos = engine.snapshot().hellos
      return [
        histogram("hyper_relay_hello_message_bytes", "Length of the hello message.", hellos.messageBytes),
        histogram("hyper_relay_hello_raw_bytes", "Bytes of the hello on the wire, record headers included.", hellos.rawBytes),
        histogram("hyper_relay_hello_records", "TLS records of a hello.", hellos.records),
        histogram("hyper_relay_hello_segments", "Pieces in which a hello was received.", hellos.segments),
      ]
    }
  }

  private static func histogram(_ name: String, _ help: String, _ distribution: Distribution) -> HistogramSample {
    HistogramSample(
      name: name, help: help, bounds: distribution.bounds.map(Double.init), counts: distribution.counts, sum: Double(distribution.sum))
  }

  private static func counter(_ name: String, _ help: String, _ value: UInt64, _ labels: [String: String] = [:]) -> Sample {
    Sample(name: name, help: help, kind: .counter, labels: labels, value: Double(value))
  }

  private static func gauge(_ name: String, _ help: String, _ value: UInt64) -> Sample {
    Sample(name: name, help: help, kind: .gauge, labels: [:], value: Double(value))
  }
}

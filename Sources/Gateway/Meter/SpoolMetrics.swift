package import Telemetry

/// The spool's counters as a scrape shows them.
package enum SpoolMetrics {
    /// - Parameter isShipped: False for a gateway without a control plane, whose records stay where they are.
    package static func register(_ spool: Spool, isShipped: Bool, in registry: MetricRegistry) {
        let statistics = spool.statistics
        registry.collect { disk(statistics.snapshot) }
        guard isShipped else { return }
        registry.collect { shipping(statistics.snapshot, age: statistics.unshippedAge) }
    }

    private static func disk(_ now: SpoolStatistics.Snapshot) -> [MetricFamily] {
        [
            counter("spool_records_total", "Records that the spool was asked to keep.", now.records),
            counter("spool_writes_total", "Writes to segment files.", now.writes),
            counter("spool_bytes_total", "Bytes written to segment files.", now.bytes),
            counter("spool_write_failures_total", "Writes that the disk did not take.", now.writeFailures),
            counter("spool_sync_failures_total", "Syncs that the disk did not confirm.", now.syncFailures),
            counter("spool_refused_records_total", "Records that were not kept; their requests failed.", now.refusedRecords),
            counter("spool_damaged_regions_total", "Stretches of the spool that hold no whole record.", now.damagedRegions),
            family("spool_refusing_loops", "Event loops that admit nothing because the disk is full or broken.", .gauge, Double(now.loopsRefusing)),
        ]
    }

    private static func shipping(_ now: SpoolStatistics.Snapshot, age: Double) -> [MetricFamily] {
        [
            counter("usage_shipped_total", "Usage records that the control plane acknowledged.", now.shipped),
            counter("usage_ship_failures_total", "Batches of usage records that were not acknowledged.", now.shipFailures),
            counter("minute_counts_dropped_total", "Counts of minutes that were dropped: too late, or too many.", now.droppedMinuteCounts),
            family("usage_unshipped_age_seconds", "Time since every record was acknowledged.", .gauge, age),
        ]
    }

    private static func counter(_ name: String, _ help: String, _ value: Int) -> MetricFamily {
        family(name, help, .counter, Double(value))
    }

    private static func family(_ name: String, _ help: String, _ kind: MetricKind, _ value: Double) -> MetricFamily {
        MetricFamily("plimsoll_gateway_" + name, help, kind, [MetricSample(value)])
    }
}

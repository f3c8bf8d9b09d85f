/// The bytes of one segment file, gone through record by record.
struct SegmentContents {
    struct Survey {
        /// Stretches that hold no whole record.
        var damage: [Range<Int>] = []
        /// The last write was cut off.
        var isTorn = false
    }

    let bytes: [UInt8]

    static func read(_ path: String) throws(MeterError) -> SegmentContents {
        SegmentContents(bytes: try FilePiece.read(path))
    }

    /// Calls `body` with the payload of each whole record.
    func survey(_ body: (UnsafeRawBufferPointer) -> Void) -> Survey {
        bytes.withUnsafeBytes { memory in
            var scan = SpoolScan(memory)
            var survey = Survey()
            while true {
                switch scan.next() {
                case .end: return survey
                case .record(let payload): body(UnsafeRawBufferPointer(rebasing: memory[payload]))
                case .damage(let region): survey.damage.append(region)
                case .tail(let region, let torn):
                    survey.isTorn = survey.isTorn || torn
                    if !torn { survey.damage.append(region) }
                }
            }
        }
    }

    var records: [SpoolRecord] {
        var records: [SpoolRecord] = []
        _ = survey { payload in
            if let record = SpoolRecord(payload) { records.append(record) }
        }
        return records
    }
}

import Domain
import Testing

@testable import Gateway

@Suite struct SpoolFormatTests {
    /// Spools move between machines: with the processor's instructions or without them the sum of a record is the same.
    @Test func aChecksumIsTheTablesWhateverTheProcessorCan() {
        var random = SystemRandomNumberGenerator()
        for length in 1...600 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let expected = CRC32.checksum(bytes) ^ UInt32(length) &* 0x9e37_79b1
            #expect(bytes.withUnsafeBytes(SpoolFormat.checksum) == expected, "\(bytes)")
        }
    }
}

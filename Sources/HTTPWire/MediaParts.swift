/// What the messages of a request hold beside text: parts that runtimes turn into something else than the tokens of their bytes.
package struct MediaParts: Sendable, Equatable {
    /// Pictures and sounds.
    package var pictures = 0
    package var films = 0
    /// Of those that stand in the request itself.
    package var bytes = 0

    package init(pictures: Int = 0, films: Int = 0, bytes: Int = 0) {
        (self.pictures, self.films, self.bytes) = (pictures, films, bytes)
    }
}

extension RequestScan {
    /// A text was read whose object, an element of `messages[].content`, or an object in such a one, is still open: notes it where it is a
    /// picture, sound or film. Names that are written with escapes are nobody's: such a text counts by its bytes.
    func readMedia(_ text: JSONText, _ value: Range<Int>) {
        guard isNewest("messages", of: 0, text), isNewest("content", of: 2, text) else { return }
        let isSound = isNewest("input_audio", of: 4, text)
        let isFilm = isNewest("video_url", of: 4, text)
        guard isSound || isFilm || isNewest("image_url", of: 4, text) || isNewest("audio_url", of: 4, text) else { return }
        if frames.count == 6 {
            guard isNewest(isSound ? "data" : "url", of: 5, text) else { return }
        } else if isSound {
            return
        }
        if isFilm { media.films += 1 } else { media.pictures += 1 }
        // A link costs what it is written with, and what it leads to.
        if isSound || text.starts("data:", at: value.lowerBound + 1) { media.bytes += value.count }
    }

    /// The member that is being read of the object in this frame has this name.
    private func isNewest(_ name: StaticString, of frame: Int, _ text: JSONText) -> Bool {
        let inside = frames[(frame + 1)...].first { $0.isObject }
        return ledger.isNewest(name, before: inside?.firstKey, from: frames[frame].firstKey, of: text)
    }
}

extension JSONText {
    fileprivate func starts(_ word: StaticString, at offset: Int) -> Bool {
        let length = word.utf8CodeUnitCount
        guard offset + length <= count else { return false }
        return (0..<length).allSatisfy { base[offset + $0] == word.utf8Start[$0] }
    }
}

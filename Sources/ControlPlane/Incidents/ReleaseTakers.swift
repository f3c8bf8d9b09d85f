import Postgres

/// Who gets a release's requests when it is rolled back.
enum ReleaseTakers {
    /// A condition: another release of the model has a share of its requests, or had one. Without one gateways leave the model as it is.
    ///
    /// - Parameters:
    ///   - release: Its name.
    ///   - model: Whose release it is.
    static func exist(beside release: SQL, of model: SQL) -> SQL {
        """
        EXISTS (SELECT 1 FROM serving.releases AS other WHERE other.model = \(model) AND other.name <> \(release) AND other.state = 'active'
            AND (EXISTS (SELECT 1 FROM serving.former_release_share AS former WHERE former.release = other.name)
                OR NOT EXISTS (SELECT 1 FROM serving.current_routing_weights AS own
                    WHERE own.scope = 'release' AND own.subject = other.name AND own.weight_ppm = 0)))
        """
    }
}

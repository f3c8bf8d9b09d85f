import Postgres

/// Tiers to which something is promised: what runs for them makes way for nobody, nothing is taken from them but what their terms name, providers with a low
/// score do not serve them, and what is sold of them has two providers behind it.
enum PromisedTiers {
    /// A condition: the tier is sold with capacity, or a contract in force, or agreed and still to begin, gives credits for it, whatever its policy says.
    ///
    /// - Parameter tier: Name of a row of tiers.
    static func condition(_ tier: SQL) -> SQL {
        """
        (\(tier).capacity_policy <> 'shared' OR EXISTS (SELECT 1 FROM reliability.agreement AS promise
            JOIN reliability.terms AS promised ON promised.id = promise.terms_id
            WHERE promised.tier = \(tier).name AND promise.state <> 'proposed' AND coalesce(promise.ends_at > now(), TRUE)
                AND promised.credit_cap_percent > 0 AND (promised.credit_step_percent > 0 OR promised.credit_table IS NOT NULL
                    OR promised.latency_credit_percent > 0)))
        """
    }
}

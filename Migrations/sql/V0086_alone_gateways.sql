-- Gateways that a drill keeps, or kept, from the control plane: that they are silent meanwhile says nothing of them. They hear of no abort.

CREATE VIEW reliability.alone_gateway AS
SELECT drill.id AS drill_id, gateway.id AS gateway_id, gateway.region, drill.started_at, drill.until_at
FROM reliability.drill JOIN serving.gateways AS gateway ON coalesce(gateway.region = drill.region, true) WHERE drill.kind = 'control-loss';
GRANT SELECT ON reliability.alone_gateway TO plimsoll_serving, plimsoll_reliability;

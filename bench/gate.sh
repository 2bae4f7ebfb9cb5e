#!/bin/bash
# What keeps a recommender good, on the events of a folder: refreshes under the gate with equal and with worse settings, by new events and by
# settings; calibration; CALL reco.tune() that is cancelled after some seconds, called again, and applied; the learning curve.
#
#   bench/gate.sh FOLDER [SECONDS]                 tune is cancelled after so many seconds, 20 unless given
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

begin "${1:-}"
SECONDS_TUNED=${2:-20}
printf 'Gate, calibration, tuning on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
sql -c "SELECT reco.create_recommender('shop', 'events', 'user_id', 'item_id')" >/dev/null
sql <<-'END'
	SET client_min_messages = error;
	SET reco.keep_versions = 20;
	CALL reco.refresh('shop');
	CALL reco.refresh('shop', gate => true);
	CALL reco.refresh('shop', gate => true);
	CALL reco.refresh('shop', gate => true, options => '{"seed": 7}');
	CALL reco.refresh('shop', gate => true, options => '{"seed": 8}');
	CALL reco.refresh('shop', gate => true, options => '{"lambda": 1000}');
	CALL reco.refresh('shop', gate => true, options => '{"factors": 8}');
	CALL reco.refresh('shop', gate => true, options => '{"factors": 128, "calibrate": true}');
END
printf '| version | asked | verdict | candidate | deployed settings | difference | interval | users |\n|---|---|---|---|---|---|---|---|\n'
sql -At <<-'END'
	SELECT format('| %s | `%s` | %s | %s | %s | %s | %s to %s | %s |', number, metrics -> 'asked', metrics #>> '{gate,verdict}', round((metrics #>> '{gate,candidate}')::numeric, 4), round((metrics #>> '{gate,deployed}')::numeric, 4),
		round((metrics #>> '{gate,difference}')::numeric, 4), round((metrics #>> '{gate,low}')::numeric, 4), round((metrics #>> '{gate,high}')::numeric, 4), metrics #>> '{gate,users}')
	FROM reco.version WHERE metrics ? 'gate' ORDER BY number;
	SELECT 'calibration: ' || (metrics -> 'calibration')::text FROM reco.version WHERE metrics ? 'calibration';
END
sql -c "SET statement_timeout = '${SECONDS_TUNED}s'" -c "CALL reco.tune('shop', budget => '2 minutes')" 2>&1 || true
sql -At -c "SELECT count(*) || ' trials are kept' FROM reco.trials"
sql -c "CALL reco.tune('shop', budget => '${SECONDS_TUNED} seconds', apply => true)" 2>&1
printf '\n'
sql -c "SELECT setting, share, value, low, high, gain, gain_low, gain_high, seconds, options FROM reco.trials ORDER BY value DESC LIMIT 5" \
	-c "SELECT options FROM reco.recommenders" -c "SET client_min_messages = warning" \
	-c "CALL reco.learning_curve('shop', options => '{\"k\": [20], \"shares\": [10, 25, 50, 100], \"users\": 3000}')" -c "SELECT * FROM reco.learning_curve_report('shop')"

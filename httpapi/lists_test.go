package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// names collects the names of a list, page by page.
func (s *server) names(path, list, field string) (names []string, pages int) {
	s.t.Helper()
	cursor := ""
	for {
		page := s.get(path + cursor)
		pages++
		for _, e := range page[list].([]any) {
			names = append(names, fmt.Sprint(e.(object)[field]))
		}
		next, more := page["nextCursor"]
		if !more {
			return names, pages
		}
		cursor = "&cursor=" + next.(string)
	}
}

func TestTopicPages(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 9)
	s.post("/v1/create_topic", object{"name": "__consumer_offsets", "assignments": [][]int{{1}}})
	for query, want := range map[string]string{
		"limit=4":                          "__consumer_offsets t000 t001 t002 t003 t004 t005 t006 t007 t008",
		"limit=1&prefix=t00&with=offline":  "",
		"limit=2&prefix=t00&glob=*[":       "400",
		"limit=2&prefix=t00&glob=t?03":     "t003",
		"limit=2&glob=t*5":                 "t005",
		"limit=2&prefix=t&glob=x*":         "",
		"limit=2&prefix=x&glob=t*":         "",
		"limit=3&internal=true":            "__consumer_offsets",
		"limit=3&internal=false&prefix=__": "",
		"limit=0":                          "400",
		"limit=3&cursor=!":                 "400",
		"limit=3&cursor=e30":               "__consumer_offsets t000 t001",
	} {
		path := "/v1/topics?" + query
		if want == "400" {
			s.refused(http.StatusBadRequest, "INVALID_REQUEST", http.MethodGet, path, nil)
			continue
		}
		if strings.Contains(query, "cursor=") {
			page := s.get(path)
			if n := len(page["topics"].([]any)); n != 3 {
				t.Errorf("%s: %d topics", query, n)
			}
			continue
		}
		if got, _ := s.names(path, "topics", "name"); strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	page := s.get("/v1/topics?limit=4")
	s.post("/v1/delete_topic", object{"name": "t001"}) // before the cursor
	s.post("/v1/delete_topic", object{"name": "t002"}) // the cursor itself
	s.post("/v1/create_topic", object{"name": "t0025", "assignments": [][]int{{1}}})
	next := s.get("/v1/topics?limit=2&cursor=" + page["nextCursor"].(string))
	if got := fmt.Sprint(next["topics"].([]any)[0].(object)["name"]); got != "t0025" {
		t.Errorf("after changes the next page begins with %s", got)
	}
	s.post("/v1/register_broker_change", object{
		"brokerId": 1, "epoch": epoch[1], "brokerStatus": "FENCED",
	})
	got, _ := s.names("/v1/topics?limit=2&with=offline", "topics", "name")
	if strings.Join(got, " ") != "__consumer_offsets t0025" {
		t.Errorf("offline: %v", got)
	}
	got, _ = s.names("/v1/topics?with=underReplicated&prefix=t00", "topics", "name")
	if strings.Join(got, " ") != "t000 t0025 t003 t005 t006 t008" {
		t.Errorf("under-replicated: %v", got)
	}
}

func TestPartitionPages(t *testing.T) {
	t.Parallel()
	s, _ := startWithTopics(t, 2)
	s.post("/v1/create_topic", object{
		"name": "many", "assignments": [][]int{{1, 2}, {2, 3}, {3, 1}, {1, 3}, {2, 1}},
	})
	for query, want := range map[string]string{
		"limit=2&topic=many":                   "0 1 2 3 4",
		"limit=2&topic=many&broker=3":          "1 2 3",
		"limit=1&topic=many&leader=2":          "1 4",
		"limit=2&leader=1":                     "0 3 0",
		"limit=2&topic=man":                    "",
		"limit=2&with=offline":                 "",
		"limit=2&with=notPreferred":            "",
		"limit=2&broker=0":                     "",
		"limit=5&prefix=many&with=reassigning": "",
	} {
		got, _ := s.names("/v1/partitions?"+query, "partitions", "partitionId")
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	moved := s.post("/v1/reassign_partitions", object{
		"throttleBytesPerSec": 1000, "partitions": []object{
			{"topic": "many", "partitionId": 0, "replicas": []int{3, 2}},
			{"topic": "none", "partitionId": 0, "replicas": []int{3}},
		}})
	if moved["failed"] != 1.0 || moved["impact"] != nil {
		t.Errorf("reassigned: %v", moved)
	}
	got := fmt.Sprint(moved["throttle"].(object)["set"])
	for _, part := range []string{
		"key:leader.replication.throttled.replicas name:many resource:topic value:0:1,0:2",
		"key:follower.replication.throttled.replicas name:many resource:topic value:0:3",
		"key:leader.replication.throttled.rate name:1 resource:broker value:1000",
		"key:follower.replication.throttled.rate name:3 resource:broker value:1000",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is not in the throttle %s", part, got)
		}
	}
	under, _ := s.names("/v1/partitions?limit=1&with=reassigning", "partitions", "topic")
	if strings.Join(under, " ") != "many" {
		t.Errorf("reassigning: %v", under)
	}
	cancelled := s.post("/v1/cancel_reassignments", object{
		"partitions": []object{{"topic": "many", "partitionId": 0}},
	})
	state := cancelled["partitions"].([]any)[0].(object)["state"].(object)
	if fmt.Sprint(state["replicas"], state["addingReplicas"]) != "[2 1] []" {
		t.Errorf("cancelled: %v", cancelled)
	}
}

func TestBrokerPages(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 1)
	s.register(9)
	s.post("/v1/register_broker_change", object{
		"brokerId": 2, "epoch": epoch[2], "brokerStatus": "FENCED",
	})
	ids, pages := s.names("/v1/brokers?limit=1", "brokers", "brokerId")
	if strings.Join(ids, " ") != "1 2 3 9" || pages != 4 {
		t.Errorf("%v in %d pages", ids, pages)
	}
	why, _ := s.names("/v1/brokers?limit=9", "brokers", "why")
	for i, part := range []string{"", "operator fenced it", "", "No heartbeat has arrived"} {
		if !strings.Contains(why[i], part) || part == "" && why[i] != "" {
			t.Errorf("broker %s: %q", ids[i], why[i])
		}
	}
	if fenced, _ := s.names("/v1/brokers?status=FENCED", "brokers", "brokerId"); fmt.Sprint(fenced) !=
		"[2]" {
		t.Errorf("fenced: %v", fenced)
	}
}

// TestElections: a preferred election returns leadership; one that is not needed is no failure, and
// an unclean one is needed only without a leader.
func TestElections(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 1)
	change := object{"brokerId": 1, "epoch": epoch[1], "brokerStatus": "FENCED"}
	s.post("/v1/register_broker_change", change)
	if leader := s.partition("t000", 0)["leader"]; leader != 2.0 {
		t.Fatalf("leader %v", leader)
	}
	s.refused(http.StatusConflict, "PREFERRED_LEADER_NOT_AVAILABLE", http.MethodPost,
		"/v1/elect_leaders", object{"election": "preferred", "all": false,
			"partitions": []object{{"topic": "t000", "partitionId": 0}}})
	answer := s.post("/v1/elect_leaders", object{
		"election": "unclean", "partitions": []object{{"topic": "t000", "partitionId": 0}},
	})
	if answer["failed"] != 0.0 {
		t.Errorf("not needed: %v", answer)
	}
	s.refused(http.StatusBadRequest, "INVALID_REQUEST", http.MethodPost, "/v1/elect_leaders",
		object{"election": "preferred"})
}

// TestWhatIf compares the forecast with what the same failure does, and with a dry run of it.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 9)
	s.post("/v1/create_topic", object{"name": "single", "assignments": [][]int{{1}, {3}}})
	s.post("/v1/create_topic", object{"name": "strict", "assignments": [][]int{{2, 1}},
		"configs": object{"min.insync.replicas": "2"}})
	change := object{"brokerId": 1, "epoch": epoch[1], "brokerStatus": "FENCED"}
	dry := s.post("/v1/register_broker_change?dryRun=true", change)
	forecast := s.get("/v1/what_if?kill=1")
	if fmt.Sprint(dry["impact"]) != fmt.Sprint(forecast["impact"]) ||
		forecast["impact"].(object)["offline"] != 1.0 ||
		forecast["impact"].(object)["underMinISR"] != 2.0 {
		t.Errorf("forecast %v, dry run %v", forecast["impact"], dry["impact"])
	}
	type outcome struct{ leader, isr string }
	want := map[string]outcome{}
	cursor := ""
	for more := true; more; {
		page := s.get("/v1/what_if?kill=1&show=changed&limit=2" + cursor)
		for _, e := range page["partitions"].([]any) {
			e := e.(object)
			key := fmt.Sprint(e["topic"], "-", e["partitionId"])
			want[key] = outcome{fmt.Sprint(e["newLeader"]), fmt.Sprint(e["newISR"])}
		}
		var next any
		if next, more = page["nextCursor"]; more {
			cursor = "&cursor=" + next.(string)
		}
	}
	s.post("/v1/register_broker_change", change)
	for key, o := range want {
		topic, id, _ := strings.Cut(key, "-")
		p := s.partition(topic, int(id[0]-'0'))
		if fmt.Sprint(p["leader"]) != o.leader || fmt.Sprint(p["ISR"]) != o.isr {
			t.Errorf("%s: forecast %v, and now %v", key, o, p)
		}
	}
	if len(want) != 8 {
		t.Errorf("the forecast has %d partitions: %v", len(want), want)
	}
	s.refused(404, "BROKER_ID_NOT_REGISTERED", http.MethodGet, "/v1/what_if?kill=1,77", nil)
	s.refused(400, "INVALID_REQUEST", http.MethodGet, "/v1/what_if?kill=-1", nil)
}

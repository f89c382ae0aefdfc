package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/protocol"
)

// Problem is the answer of every request that fails: an RFC 9457 problem document.
type Problem struct {
	// Always about:blank; code says which problem it is.
	Type string `json:"type" format:"uri-reference" example:"about:blank"`
	// The HTTP status in words.
	Title string `json:"title" example:"Conflict"`
	// The HTTP status.
	Status int `json:"status" minimum:"400" maximum:"599" example:"409"`
	// Kafka's name of the error.
	Code string `json:"code" pattern:"^[A-Z0-9_]+$" example:"TOPIC_ALREADY_EXISTS"`
	// What is wrong, and what to do.
	Detail string `json:"detail" example:"Topic 'orders' already exists. Choose another name."`
	// Every bad field of a request that is refused because of its fields.
	Errors []FieldProblem `json:"errors,omitempty"`
	// Id of the request, which the nodes' logs contain.
	RequestID string `json:"requestId,omitempty" example:"Vw3lYl0xQ9SRhvGpS8nJ1g"`

	retryAfter string   // seconds; "" without the header
	challenges []string // values of WWW-Authenticate
}

// FieldProblem is one bad field of a request.
type FieldProblem struct {
	// Path of the field, which begins with body, query or header.
	Location string `json:"location" example:"body.brokerPort"`
	// What is wrong with the field.
	Message string `json:"message" example:"expected number <= 65535"`
}

// Error is the problem's detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status; huma calls it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the problem's media type; huma calls it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds Retry-After if another attempt may succeed; huma calls it.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	if len(p.challenges) > 0 {
		h["Www-Authenticate"] = p.challenges
	}
	return h
}

func newProblem(status int, code *kerr.Error, format string, args ...any) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code.Message,
		Detail: fmt.Sprintf(format, args...),
	}
}

// retry adds the header Retry-After, in seconds.
func (p *Problem) retry(after string) *Problem {
	p.retryAfter = after
	return p
}

// statusOf is the HTTP status of Kafka's errors; all others are 400.
var statusOf = map[*kerr.Error]int{
	kerr.UnknownTopicOrPartition: http.StatusNotFound,
	kerr.UnknownTopicID:          http.StatusNotFound,
	kerr.BrokerIDNotRegistered:   http.StatusNotFound,
	kerr.ReplicaNotAvailable:     http.StatusNotFound,
	kerr.ResourceNotFound:        http.StatusNotFound,
	kerr.DelegationTokenNotFound: http.StatusNotFound,

	kerr.TopicAlreadyExists:          http.StatusConflict,
	kerr.StaleBrokerEpoch:            http.StatusConflict,
	kerr.DuplicateBrokerRegistration: http.StatusConflict,
	kerr.ReassignmentInProgress:      http.StatusConflict,
	kerr.NoReassignmentInProgress:    http.StatusConflict,
	kerr.FencedLeaderEpoch:           http.StatusConflict,
	kerr.InvalidUpdateVersion:        http.StatusConflict,
	kerr.IneligibleReplica:           http.StatusConflict,
	kerr.NotLeaderForPartition:       http.StatusConflict,
	kerr.InconsistentClusterID:       http.StatusConflict,
	kerr.PreferredLeaderNotAvailable: http.StatusConflict,
	kerr.EligibleLeadersNotAvailable: http.StatusConflict,

	kerr.DelegationTokenExpired:      http.StatusConflict,
	kerr.SecurityDisabled:            http.StatusConflict,
	kerr.DelegationTokenAuthDisabled: http.StatusConflict,

	kerr.PolicyViolation:          http.StatusUnprocessableEntity,
	kerr.InvalidReplicationFactor: http.StatusUnprocessableEntity,
	kerr.InvalidReplicaAssignment: http.StatusUnprocessableEntity,
	kerr.UnsupportedVersion:       http.StatusUnprocessableEntity,
	kerr.InvalidRegistration:      http.StatusUnprocessableEntity,

	kerr.ThrottlingQuotaExceeded:    http.StatusTooManyRequests,
	kerr.ClusterAuthorizationFailed: http.StatusForbidden,
	kerr.TopicAuthorizationFailed:   http.StatusForbidden,
	kerr.GroupAuthorizationFailed:   http.StatusForbidden,

	kerr.DelegationTokenAuthorizationFailed: http.StatusForbidden,
	kerr.DelegationTokenRequestNotAllowed:   http.StatusForbidden,
	kerr.DelegationTokenOwnerMismatch:       http.StatusForbidden,

	kerr.TopicDeletionDisabled: http.StatusForbidden,
	kerr.NotController:         http.StatusServiceUnavailable,
	kerr.RequestTimedOut:       http.StatusServiceUnavailable,
	kerr.UnknownServerError:    http.StatusInternalServerError,
}

// advice says what to do about errors whose own messages do not.
var advice = map[*kerr.Error]string{
	kerr.UnknownTopicOrPartition: "Check the name with get_topic_by_name, or create " +
		"the topic with create_topic.",
	kerr.UnknownTopicID: "Check the id with get_topic_by_name; a topic that was deleted and created " +
		"again has another id.",
	kerr.BrokerIDNotRegistered: "Register the broker first.",
	kerr.ReplicaNotAvailable:   "See the partition's replicas with get_topic_by_name.",
	kerr.TopicAlreadyExists:    "Choose another name, or use that topic.",
	kerr.StaleBrokerEpoch: "Use the epoch that the last registration returned; get_broker_by_id " +
		"shows it.",
	kerr.DuplicateBrokerRegistration: "Use another brokerId, or wait until the other process's " +
		"session ends.",
	kerr.ReassignmentInProgress:   "Wait until the reassignment completes, or undo it.",
	kerr.InvalidReplicationFactor: "Ask for fewer replicas, or start more brokers.",
	kerr.InvalidReplicaAssignment: "Name registered brokers, each once, " +
		"and at least one that is alive.",
	kerr.IneligibleReplica: "The broker must be unfenced first: send broker_mgmt with the offset of " +
		"its newest update.",
	kerr.InvalidTopicException:   "Use up to 249 letters, digits, dots, underscores and hyphens.",
	kerr.ThrottlingQuotaExceeded: "Try again later, or raise the quota.",
	kerr.UnknownServerError:      "See the log of the active controller.",
	kerr.SecurityDisabled: "There are no ACLs without an authorizer: set " +
		"authorizer.class.name.",
	kerr.DelegationTokenAuthDisabled: "Set the same key on all controllers and brokers.",
	kerr.UnsupportedVersion:          "Compare the cluster's finalized feature levels.",
}

// kafkaProblem is the answer to a Kafka error; message may be empty.
func kafkaProblem(kafka *kerr.Error, message string) *Problem {
	status, ok := statusOf[kafka]
	if !ok {
		status = http.StatusBadRequest
	}
	if message == "" {
		message = kafka.Description
	}
	if more := advice[kafka]; more != "" {
		message = sentence(message) + " " + more
	}
	p := newProblem(status, kafka, "%s", message)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		p.retry("1")
	}
	return p
}

// sentence ends a message with a full stop.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// codeProblem is the answer to an error code inside a Kafka response; nil for 0.
func codeProblem(code int16, message *string) error {
	if code == 0 {
		return nil
	}
	kafka := kerr.UnknownServerError
	if known := kerr.TypedErrorForCode(code); known != nil {
		kafka = known
	}
	if message == nil {
		return kafkaProblem(kafka, "")
	}
	return kafkaProblem(kafka, *message)
}

// problemOf turns an error of the controller into an answer.
func problemOf(err error) *Problem {
	var (
		p *Problem
		e *protocol.Error
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &e):
		return kafkaProblem(e.Kafka, e.Message)
	case errors.Is(err, controller.ErrNotActive):
		return noLeader("This node is no longer the active controller, and nothing was done. " +
			"Try again.")
	case errors.Is(err, controller.ErrNotTried):
		return newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut,
			"The controller is too busy, and nothing was done. Try again in a moment.").retry("1")
	case errors.Is(err, controller.ErrUnknownOutcome):
		return unknownOutcome()
	}
	return newProblem(http.StatusInternalServerError, kerr.UnknownServerError,
		"An internal fault: %v. See this node's log.", err)
}

// noLeader is the answer if no node can act as the leader; nothing was done.
func noLeader(format string, args ...any) *Problem {
	return newProblem(http.StatusServiceUnavailable, kerr.NotController, format, args...).retry("1")
}

// unknownOutcome is the answer if a write may have been carried out.
func unknownOutcome() *Problem {
	return newProblem(http.StatusGatewayTimeout, kerr.RequestTimedOut,
		"It is unknown whether the operation was carried out. Check the state before you try again.")
}

// internalFault is the answer to a read after a fault that only the log describes.
func internalFault() *Problem {
	return newProblem(http.StatusInternalServerError, kerr.UnknownServerError,
		"An internal fault. This node's log describes it.")
}

// badField is the answer to a request with one bad field.
func badField(location, message string) *Problem {
	return humaProblem(http.StatusBadRequest, "", []error{fieldError(location, message)})
}

// fieldError is what is wrong with one field, as huma reports it.
func fieldError(location, message string) error {
	return &huma.ErrorDetail{Location: location, Message: message}
}

// humaProblem is the answer to an error that huma found. huma's 422 is 400 here: the request is
// malformed or out of range, not refused by the controller.
func humaProblem(status int, msg string, errs []error) *Problem {
	code := kerr.InvalidRequest
	switch status {
	case http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case http.StatusRequestEntityTooLarge:
		code = kerr.MessageTooLarge
	case http.StatusRequestTimeout:
		code = kerr.RequestTimedOut
	case http.StatusInternalServerError:
		code = kerr.UnknownServerError
	}
	p := newProblem(status, code, "%s", msg)
	for _, err := range errs {
		p.addField(err)
	}
	if n := len(p.Errors); n > 0 {
		p.Detail = p.fieldsInWords()
	}
	return p
}

// fieldProblemsMax bounds the answer to a request with many bad fields.
const fieldProblemsMax = 100

func (p *Problem) addField(err error) {
	if err == nil || len(p.Errors) >= fieldProblemsMax {
		return
	}
	f := FieldProblem{Location: "request", Message: err.Error()}
	var detailed huma.ErrorDetailer
	if errors.As(err, &detailed) {
		d := detailed.ErrorDetail()
		f.Location, f.Message = d.Location, d.Message
		if name, ok := strings.CutPrefix(f.Message, "expected required property "); ok {
			name = strings.TrimSuffix(name, " to be present")
			f.Location, f.Message = f.Location+"."+name, "is missing"
		}
	}
	p.Errors = append(p.Errors, f)
}

// fieldsInWords is a sentence with every bad field.
func (p *Problem) fieldsInWords() string {
	var b strings.Builder
	for i, f := range p.Errors {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", f.Location, f.Message)
	}
	return "Correct the request: " + b.String() + "."
}

package configs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// configTypes are the types of configs by their names in Kafka's ConfigDef.
var configTypes = map[string]kmsg.ConfigType{
	"boolean": kmsg.ConfigTypeBoolean, "string": kmsg.ConfigTypeString,
	"int": kmsg.ConfigTypeInt, "short": kmsg.ConfigTypeShort, "long": kmsg.ConfigTypeLong,
	"double": kmsg.ConfigTypeDouble, "list": kmsg.ConfigTypeList,
	"class": kmsg.ConfigTypeClass, "password": kmsg.ConfigTypePassword,
}

// formatted is a value as Kafka's servers read it, written out again (ConfigDef.parseValue and
// convertToString); a value that they cannot read stays as it is.
func formatted(t kmsg.ConfigType, value string) string {
	switch t {
	case kmsg.ConfigTypeList:
		return strings.Join(splitList(value), ",")
	case kmsg.ConfigTypeBoolean:
		if b, ok := parseBool(value); ok {
			return strconv.FormatBool(b)
		}
	case kmsg.ConfigTypeInt, kmsg.ConfigTypeShort, kmsg.ConfigTypeLong:
		if n, err := parseInt(value, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case kmsg.ConfigTypeDouble:
		if f, ok := parseDouble(value); ok {
			return javaDouble(f)
		}
	case kmsg.ConfigTypeString, kmsg.ConfigTypeClass:
		return trimJava(value)
	}
	return value
}

// parseDouble reads a number as Java's Double.parseDouble does: a decimal or a hexadecimal number,
// which must have an exponent, or NaN or Infinity, with a sign before and an f or d after it.
// Numbers too large are infinite.
func parseDouble(value string) (f float64, ok bool) {
	text := trimJava(value)
	unsigned := strings.TrimLeft(text, "+-")
	if len(text)-len(unsigned) > 1 {
		return 0, false
	}
	switch unsigned {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1 - 2*strings.Count(text, "-")), true
	}
	hex := strings.HasPrefix(unsigned, "0x") || strings.HasPrefix(unsigned, "0X")
	if !hex || strings.ContainsAny(unsigned, "pP") {
		text = strings.TrimRight(text, "fFdD")
	}
	if len(trimJava(value))-len(text) > 1 || strings.Contains(text, "_") ||
		strings.ContainsAny(text, "nN") {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) { // f is then infinite or zero, as in Java
		err = nil
	}
	return f, err == nil && (!hex || strings.ContainsAny(text, "pP"))
}

// javaDouble writes a number as Java's Double.toString does: with a point, and with an exponent if
// it is below 1e-3 or at least 1e7.
func javaDouble(f float64) string {
	size := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(fmt.Sprintf("%+f", f), "+") + "inity"
	case f == 0 || size >= 1e-3 && size < 1e7:
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := strings.TrimLeft(exponent[:1], "+")
	return mantissa + "E" + sign + strings.TrimLeft(exponent[1:], "0")
}

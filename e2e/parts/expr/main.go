// Tells what the original of the condition language makes of the rows of a table.
//
// Reads rows of kind, value, condition and verdict from standard input, and writes them with the verdict that
// expr-lang/expr gives in the environment that Argo Rollouts sets up; lines that begin with # stay as they are.
// Where a verdict is not what the row says, it is told on standard error.
//
//	go run . < ../../../analysis/expr/tests/expr-language.tsv
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
)

func main() {
	rows := bufio.NewScanner(os.Stdin)
	rows.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for line := 1; rows.Scan(); line++ {
		columns := strings.Split(rows.Text(), "\t")
		if strings.HasPrefix(rows.Text(), "#") {
			fmt.Fprintln(out, rows.Text())
			continue
		}
		if len(columns) < 3 {
			fmt.Fprintf(os.Stderr, "line %d has %d columns\n", line, len(columns))
			os.Exit(1)
		}
		found := verdict(value(columns[0], columns[1]), columns[2])
		if len(columns) == 4 && columns[3] != found {
			fmt.Fprintf(os.Stderr, "line %d: %s is %s, not %s\n", line, columns[2], found, columns[3])
		}
		fmt.Fprintln(out, strings.Join(append(columns[:3:3], found), "\t"))
	}
}

// value is what a provider hands to the conditions: a vector (f), a scalar (s) or JSON (j).
func value(kind, text string) any {
	number := func(text string) float64 {
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err)
		}
		return number
	}
	switch kind {
	case "f":
		numbers := []float64{}
		for _, text := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' }) {
			numbers = append(numbers, number(text))
		}
		return numbers
	case "s":
		return number(text)
	default:
		var parsed any
		if err := json.Unmarshal([]byte(text), &parsed); err != nil {
			panic(err)
		}
		return parsed
	}
}

// verdict is true, false, ERR, or ERR(notbool T).
func verdict(result any, condition string) string {
	isNil := func(any) bool { return nothing(result) }
	env := map[string]any{
		"result":  result,
		"asInt":   func(given any) int64 { return integer(given) },
		"asFloat": func(given any) float64 { return float(given) },
		"isNaN":   math.IsNaN,
		"isInf":   func(given float64) bool { return math.IsInf(given, 0) },
		"isNil":   isNil,
		"default": func(_, instead any) any {
			if nothing(result) {
				return instead
			}
			return result
		},
	}
	program, err := expr.Compile(condition, expr.Env(env))
	if err != nil {
		return "ERR"
	}
	found, err := expr.Run(program, env)
	if err != nil {
		return "ERR"
	}
	if verdict, is := found.(bool); is {
		return strconv.FormatBool(verdict)
	}
	return fmt.Sprintf("ERR(notbool %T)", found)
}

func nothing(result any) bool {
	if result == nil {
		return true
	}
	switch of := reflect.ValueOf(result); of.Kind() {
	case reflect.Map, reflect.Slice, reflect.Pointer:
		return of.IsNil()
	default:
		return false
	}
}

func integer(given any) int64 {
	if text, is := given.(string); is {
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(err)
		}
		return number
	}
	switch of := reflect.ValueOf(given); {
	case of.IsValid() && of.CanInt():
		return of.Int()
	case of.IsValid() && of.CanUint():
		return int64(of.Uint())
	case of.IsValid() && of.CanFloat():
		return int64(of.Float())
	}
	panic(fmt.Sprintf("%T is no number", given))
}

func float(given any) float64 {
	if text, is := given.(string); is {
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err)
		}
		return number
	}
	switch of := reflect.ValueOf(given); {
	case of.IsValid() && of.CanInt():
		return float64(of.Int())
	case of.IsValid() && of.CanUint():
		return float64(of.Uint())
	case of.IsValid() && of.CanFloat():
		return of.Float()
	}
	panic(fmt.Sprintf("%T is no number", given))
}

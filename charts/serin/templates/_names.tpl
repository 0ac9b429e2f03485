{{/* The name of the application. */}}
{{- define "serin.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of objects: that of the release, with the application's unless it is in there. */}}
{{- define "serin.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $whole | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "serin.serviceAccount" -}}
{{- $own := ternary (include "serin.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $own -}}
{{- end -}}

{{/* Labels that never change: the Deployment selects its pods by them. Those of argo-helm's chart, so that it can be upgraded to this one. */}}
{{- define "serin.selectorLabels" -}}
app.kubernetes.io/name: {{ include "serin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .Values.controller.component }}
{{- end -}}

{{- define "serin.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "serin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: argo-rollouts
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "serin.image" -}}
{{- with .Values.controller.image -}}
{{- if eq .repository "argoproj/argo-rollouts" -}}
{{- fail "controller.image.repository is argoproj/argo-rollouts, which is another controller; leave controller.image out of your values, or name your image of serin-controller" -}}
{{- end -}}
{{- $name := printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- if .registry -}}{{- printf "%s/%s" .registry $name -}}{{- else -}}{{- $name -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The name of the lease, which an instance id is appended to. */}}
{{- define "serin.lease" -}}
{{- $id := "" -}}
{{- $next := false -}}
{{- range .Values.controller.extraArgs -}}
{{- $arg := toString . -}}
{{- if $next -}}{{- $id = $arg -}}{{- $next = false -}}{{- end -}}
{{- if eq $arg "--instance-id" -}}{{- $next = true -}}{{- end -}}
{{- if hasPrefix "--instance-id=" $arg -}}{{- $id = trimPrefix "--instance-id=" $arg -}}{{- end -}}
{{- end -}}
{{- ternary "argo-rollouts-controller-lock" (printf "argo-rollouts-controller-lock-%s" $id) (empty $id) -}}
{{- end -}}

{{/* What the controller may do where it watches: the rules of the enabled features. */}}
{{- define "serin.rules" -}}
{{- $table := .Files.Get "files/rbac.yaml" | fromYaml -}}
{{- $rules := $table.core -}}
{{- if .Values.clusterInstall -}}
{{- $rules = concat $rules $table.clusterTemplates -}}
{{- end -}}
{{- if .Values.providerRBAC.enabled -}}
{{- range $provider := list "istio" "nginx" -}}
{{- if index $.Values.providerRBAC.providers $provider -}}
{{- $rules = concat $rules (index $table $provider) -}}
{{- end -}}
{{- end -}}
{{- $rules = concat $rules .Values.providerRBAC.additionalRules -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{/* What finding a leader needs: any lease can be made, only this one be read and written. */}}
{{- define "serin.electionRules" -}}
{{- $table := .Files.Get "files/rbac.yaml" | fromYaml -}}
{{- $rules := list -}}
{{- range $rule := $table.leaderElection -}}
{{- $rules = append $rules (merge (dict "verbs" (list "create")) $rule) -}}
{{- $rules = append $rules (merge (dict "verbs" (without $rule.verbs "create") "resourceNames" (list (include "serin.lease" $))) $rule) -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{/* Values of argo-helm's chart that are set and mean nothing here, with commas between. */}}
{{- define "serin.inert" -}}
{{- $found := list -}}
{{- range $key := list "awsVerifyTargetGroup" "awsTargetGroupBindingAPIVersion" "albTagKeyResourceID" "selfServiceNotification" "pprofAddress" "metricProviderPlugins" "trafficRouterPlugins" "stepPlugins" -}}
{{- if index $.Values.controller $key -}}{{- $found = append $found (printf "controller.%s" $key) -}}{{- end -}}
{{- end -}}
{{- if dig "enabled" false (.Values.dashboard | default dict) -}}{{- $found = append $found "dashboard" -}}{{- end -}}
{{- range $key := list "notifiers" "templates" "triggers" "subscriptions" -}}
{{- if index ($.Values.notifications | default dict) $key -}}{{- $found = append $found (printf "notifications.%s" $key) -}}{{- end -}}
{{- end -}}
{{- range $key, $wanted := .Values.providerRBAC.providers -}}
{{- if and $wanted (not (has $key (list "istio" "nginx"))) -}}{{- $found = append $found (printf "providerRBAC.providers.%s" $key) -}}{{- end -}}
{{- end -}}
{{- join ", " $found -}}
{{- end -}}

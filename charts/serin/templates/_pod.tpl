{{/* The flags of the controller. */}}
{{- define "serin.args" -}}
{{- $controller := .Values.controller -}}
- --healthzPort={{ $controller.containerPorts.healthz }}
- --metricsPort={{ $controller.containerPorts.metrics }}
- --loglevel={{ $controller.logging.level }}
- --logformat={{ $controller.logging.format }}
{{- if not .Values.clusterInstall }}
- --namespaced
{{- end }}
{{- with $controller.prometheusAddress }}
- {{ printf "--prometheus-address=%s" . | quote }}
{{- end }}
- --observed-generation={{ $controller.observedGeneration | default (ternary "integer" "string" .Values.installCRDs) }}
{{- range $controller.metricAllow }}
- {{ printf "--metric-allow=%s" . | quote }}
{{- end }}
{{- if $controller.metricAllowOnly }}
- --metric-allow-only
{{- end }}
{{- with $controller.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Where the pods run. */}}
{{- define "serin.placement" -}}
{{- $controller := .Values.controller -}}
{{- $pod := dict -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
{{- with index $controller $key -}}{{- $pod = merge $pod (dict $key .) -}}{{- end -}}
{{- end -}}
{{- with .Values.global.dnsConfig -}}{{- $pod = merge $pod (dict "dnsConfig" .) -}}{{- end -}}
{{- $spread := list -}}
{{- $selector := dict "matchLabels" (include "serin.selectorLabels" . | fromYaml) -}}
{{- range $controller.topologySpreadConstraints -}}
{{- $spread = append $spread (merge (dict) . (dict "labelSelector" $selector)) -}}
{{- end -}}
{{- with $spread -}}{{- $pod = merge $pod (dict "topologySpreadConstraints" .) -}}{{- end -}}
{{- with $pod -}}{{- toYaml . -}}{{- end -}}
{{- end -}}

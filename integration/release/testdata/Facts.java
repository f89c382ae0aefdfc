import java.util.Comparator;
import java.util.EnumSet;
import java.util.Map;
import java.util.TreeMap;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.message.ApiMessageType.ListenerType;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.FeatureVersion;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.server.metrics.ClientMetricsConfigs;
import org.apache.kafka.storage.internals.log.LogConfig;

/**
 * Prints what a release of Kafka defines: APIs of the controller listener, errors, levels of
 * features, and configs. A fact is a line of columns with tabs between them: its kind, its name, and
 * what holds for it.
 */
public class Facts {
    public static void main(String[] args) {
        apis();
        errors();
        levels();
        features();
        configs("topic config", LogConfig.configDefCopy());
        configs("group config", GroupConfig.CONFIG_DEF);
        configs("client metrics config", ClientMetricsConfigs.configDef());
        configs("server config", kafka.server.KafkaConfig.configDef());
    }

    private static void fact(Object... columns) {
        StringBuilder line = new StringBuilder();
        for (Object column : columns) {
            line.append(line.length() == 0 ? "" : "\t")
                    .append(String.valueOf(column).replace('\t', ' ').replace('\n', ' '));
        }
        System.out.println(line.toString().stripTrailing());
    }

    private static void apis() {
        EnumSet<ApiKeys> keys = ApiKeys.apisForListener(ListenerType.CONTROLLER);
        for (ApiKeys key : keys) {
            key.toApiVersion(false).ifPresent(v -> fact("api", key.id,
                    v.minVersion() + "-" + v.maxVersion(), key.name,
                    key.forwardable ? "forwardable" : ""));
        }
    }

    private static void errors() {
        for (Errors error : Errors.values()) {
            fact("error", error.code(), error.name());
        }
    }

    private static void levels() {
        MetadataVersion before = null;
        for (MetadataVersion v : MetadataVersion.values()) {
            boolean changed = before == null || MetadataVersion.checkIfMetadataChanged(before, v);
            fact("level", v.featureLevel(), v.version(), v.isProduction() ? "stable" : "unstable",
                    "RegisterBroker " + v.registerBrokerRecordVersion(),
                    "Partition " + v.partitionRecordVersion(),
                    "PartitionChange " + v.partitionChangeRecordVersion(),
                    changed ? "blocks downgrades" : "");
            before = v;
        }
    }

    private static void features() {
        fact("feature", MetadataVersion.FEATURE_NAME,
                MetadataVersion.MINIMUM_VERSION.featureLevel() + "-"
                        + MetadataVersion.latestProduction().featureLevel());
        for (Feature feature : Feature.PRODUCTION_FEATURES) {
            fact("feature", feature.featureName(),
                    feature.minimumProduction() + "-" + feature.latestProduction());
            for (FeatureVersion level : feature.featureVersions()) {
                Map<String, Short> needs = new TreeMap<>(level.dependencies());
                fact("feature level", feature.featureName() + "=" + level.featureLevel(),
                        "needs " + needs);
            }
            for (MetadataVersion v : MetadataVersion.values()) {
                fact("default", v.featureLevel() + " " + feature.featureName(),
                        feature.defaultLevel(v));
            }
        }
    }

    private static void configs(String kind, ConfigDef def) {
        def.configKeys().values().stream().sorted(Comparator.comparing(k -> k.name)).forEach(k -> {
            String initial = k.hasDefault() ?
                    ConfigDef.convertToString(k.defaultValue, k.type) : "<required>";
            fact(kind, k.name, k.type, initial == null ? "<null>" : "\"" + initial + "\"",
                    k.internalConfig ? "internal" : "", validator(k));
        });
    }

    /** validator describes itself, unless all it says is its address. */
    private static String validator(ConfigDef.ConfigKey key) {
        if (key.validator == null) {
            return "";
        }
        String text = key.validator.toString();
        return text.contains("@") ? text.replaceAll("(\\$\\$Lambda.*|@.*)", "") : text;
    }
}

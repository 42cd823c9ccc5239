//! What is done to a topic, as an operator's tools would.

use std::process::Command;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::edges_topic::fixture::{Fixture, SOON};
use weir_testkit::pipeline::run;
use weir_testkit::stack::root;
use weir_testkit::wait;

impl Fixture {
    fn admin_client(&self) -> AdminClient<DefaultClientContext> {
        self.kafka().create().unwrap()
    }

    /// Deletes the source topic and makes it again, empty.
    pub(crate) fn make_again(&self) {
        let topic = self.topic();
        for deleted in block_on(self.admin_client().delete_topics(&[&topic], &AdminOptions::new())).unwrap() {
            deleted.expect("the topic is there");
        }
        // The broker forgets the name a moment after it has answered.
        let consumer: BaseConsumer = self.kafka().create().unwrap();
        wait::until("the topic is gone", || {
            consumer.fetch_metadata(Some(&topic), SOON).unwrap().topics()[0].error().is_some()
        });
        self.make_topic(&topic, &[]);
    }

    /// Deletes the records of a partition before an offset, as `DeleteRecordsCommand` does.
    pub(crate) fn truncate(&self, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic(), partition, Offset::Offset(before)).unwrap();
        let done = block_on(self.admin_client().delete_records(&list, &AdminOptions::new())).unwrap();
        for element in done.elements() {
            element.error().unwrap();
        }
    }

    /// Kafka's own tool on the test's group, which nobody is in.
    pub(crate) fn groups_tool(&self, arguments: &[&str]) {
        let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
        let mut command = Command::new(root().join("stack/kafka"));
        command.arg(class).args(["--bootstrap-server", self.stack.brokers(), "--group", &self.group()]).args(arguments);
        println!("{}", run(&mut command));
    }

    /// Sets these settings of a topic, and no others.
    pub(crate) fn configure(&self, topic: &str, settings: &[(&str, &str)]) {
        self.alter(ResourceSpecifier::Topic(topic), settings);
    }

    fn alter(&self, resource: ResourceSpecifier<'_>, settings: &[(&str, &str)]) {
        let mut change = AlterConfig::new(resource);
        for (name, value) in settings {
            change = change.set(name, value);
        }
        for done in block_on(self.admin_client().alter_configs(&[change], &AdminOptions::new())).unwrap() {
            done.expect("the broker takes the settings");
        }
    }
}

impl Fixture {
    /// The cleaner of compacted topics looks every 15 s by default.
    pub(crate) fn clean_often(&self) {
        self.alter(ResourceSpecifier::Broker(1), &[("log.cleaner.backoff.ms", "100")]);
    }
}

ALTER TABLE `segments` ADD `commit_min` integer;--> statement-breakpoint
ALTER TABLE `segments` ADD `replaced_time` integer;--> statement-breakpoint
CREATE INDEX `segments_by_replaced_time` ON `segments` (`replaced_time`);
export { DirectEventFeed, type FeedSource } from './direct-event-feed';
export { DEFAULT_DIRECT_FEED_SETTINGS, DIRECT_PARTITION, type DirectFeedSettings } from './settings';

export { present } from '#kernel';
